"""GetMetricData."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.cloudwatch.members import metric_named
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import ValidationFailed
from processing_emulator.metrics.data_pages import DataPage, Piece, Result, page_of
from processing_emulator.metrics.data_queries import MOST_FOUND, DataQueries, DataQuery, Span
from processing_emulator.metrics.labels import filled_label
from processing_emulator.ports import Clock, MetricStore

MOST_QUERIES = 500
MOST_VALUES = 100_800
"""In one page."""


def get_metric_data(store: MetricStore, clock: Clock) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        if len(request["MetricDataQueries"]) > MOST_QUERIES:
            raise ValidationFailed(
                f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
            )
        if request["StartTime"] >= request["EndTime"]:
            raise ValidationFailed("The parameter StartTime must be less than the parameter EndTime.")
        queries = [
            _query(context, f"MetricDataQueries.member.{number}", member)
            for number, member in enumerate(request["MetricDataQueries"], 1)
        ]
        span = Span(account=context.account, region=context.region, start=request["StartTime"], end=request["EndTime"])
        data = DataQueries(store, clock, span, queries)
        results = [result for query in queries if query.returned for result in _results(data, query)]
        page = page_of(
            results,
            ascending=request.get("ScanBy") == "TimestampAscending",
            limit=_limit(request),
            token=request.get("NextToken"),
            asked=repr({name: value for name, value in request.items() if name != "NextToken"}),
        )
        return _reply(page, too_many_found=data.too_many_found)

    return handle


def _limit(request: Mapping[str, Any]) -> int:
    limit: int = request.get("MaxDatapoints", MOST_VALUES)
    if limit < 1:
        raise ValidationFailed("The value for parameter MaxDatapoints must be at least 1.")
    return min(limit, MOST_VALUES)


def _query(context: RequestContext, place: str, member: Mapping[str, Any]) -> DataQuery:
    if ("MetricStat" in member) == ("Expression" in member):
        raise ValidationFailed(f"{place} must have either MetricStat or Expression.")
    if member.get("AccountId", context.account) != context.account:
        raise ValidationFailed(f"{place}.AccountId is of another account, and there are no linked accounts here.")
    query = DataQuery(
        id=member["Id"],
        expression=member.get("Expression"),
        period_s=member.get("Period"),
        label=member.get("Label"),
        returned=member.get("ReturnData", True),
    )
    if query.expression is not None:
        return query
    stat = member["MetricStat"]
    if "Period" in member:
        raise ValidationFailed(f"{place}.Period goes with an Expression; that of a metric is in its MetricStat.")
    metric = metric_named(context, stat["Metric"].get("Namespace"), stat["Metric"])
    return replace(query, metric=metric, statistic=stat["Stat"], period_s=stat["Period"], unit=stat.get("Unit"))


def _results(data: DataQueries, query: DataQuery) -> Iterator[Result]:
    for series in data.series_of(query):
        yield Result(id=query.id, series=series)


def _reply(page: DataPage, *, too_many_found: bool) -> Mapping[str, object]:
    text = f"A search found more than {MOST_FOUND} metrics; the others are left out."
    return present(
        MetricDataResults=list(map(_result, page.pieces)),
        NextToken=page.next_token,
        Messages=[{"Code": "MaxMetricsExceeded", "Value": text}] if too_many_found else [],
    )


def _result(piece: Piece) -> Mapping[str, object]:
    series = piece.result.series
    values = [(at_s, value) for at_s, value in piece.values if math.isfinite(value)]
    return {
        "Id": piece.result.id,
        "Label": filled_label(series.label, series, piece.result.id),
        "Timestamps": [datetime.fromtimestamp(at_s, UTC) for at_s, _ in values],
        "Values": [value for _, value in values],
        "StatusCode": "Complete" if piece.is_last else "PartialData",
    }
