"""GetMetricData: metrics, and expressions over them, evaluated for one span of time."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from processing_emulator.domain.metrics import MetricKey
from processing_emulator.errors import ValidationFailed
from processing_emulator.metrics.expression_syntax import (
    Binary,
    Call,
    Listed,
    Name,
    Node,
    Number,
    Text,
    Unary,
    parse_expression,
)
from processing_emulator.metrics.functions import Argument, call, operate
from processing_emulator.metrics.labels import distinct_labels
from processing_emulator.metrics.periods import window_of
from processing_emulator.metrics.search import parse_search
from processing_emulator.metrics.series import Series, Value
from processing_emulator.metrics.statistic import percentile_of, points_of
from processing_emulator.ports import Clock, MetricQuery, MetricStore, Window

MOST_FOUND: Final = 100
"""Metrics that a search finds; more are left out, and the reply says so."""

SEARCH_PERIOD: Final = 300
"""Seconds, where neither the search nor its query names a period."""

_SEARCH_PAGE: Final = 1000
_KEYWORDS: Final = frozenset({"REPEAT", "LINEAR"})
_ID: Final = re.compile(r"[a-z][a-zA-Z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuery:
    """One query of a request: a metric with its statistic, or an expression; `period_s` is None where none is given."""

    id: str
    metric: MetricKey | None = None
    statistic: str = ""
    unit: str | None = None
    expression: str | None = None
    period_s: int | None = None
    label: str | None = None
    returned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Whose metrics are asked for, and of which time."""

    account: str
    region: str
    start: datetime
    end: datetime


class DataQueries:
    """The queries of one request. Each is evaluated once, when it is needed."""

    def __init__(self, store: MetricStore, clock: Clock, span: Span, queries: Sequence[DataQuery]) -> None:
        """Raises ValidationFailed for ids that are wrong or come twice."""
        _check_ids(queries)
        self._store = store
        self._now = clock.now()
        self._span = span
        self._queries: Mapping[str, DataQuery] = {query.id: query for query in queries}
        self._done: dict[str, Value] = {}
        self._open: list[str] = []
        self.too_many_found = False

    def series_of(self, query: DataQuery) -> Sequence[Series]:
        """The series of a query, one for each metric of a list. Raises ValidationFailed, Unsupported and the like."""
        try:
            value = self._value(query)
        except RecursionError as error:
            raise ValidationFailed(f"Error in expression '{query.id}': it is nested too deeply.") from error
        if isinstance(value, Series):
            return [replace(value, label=query.label or value.label)]
        if isinstance(value, list):
            found = distinct_labels(value)
            return [replace(each, label=query.label or each.label) for each in found]
        raise ValidationFailed(
            f"Error in expression '{query.id}': it is a number, not a metric; TIME_SERIES makes a metric of it."
        )

    def _value(self, query: DataQuery) -> Value:
        if query.id in self._open:
            raise ValidationFailed(f"Error in expression '{query.id}': it depends on itself.")
        if query.id not in self._done:
            self._open.append(query.id)
            self._done[query.id] = self._metric(query) if query.expression is None else self._expression(query)
            self._open.pop()
        return self._done[query.id]

    def _metric(self, query: DataQuery) -> Series:
        assert query.metric is not None  # noqa: S101  # one of both is there
        assert query.period_s is not None  # noqa: S101
        series = self._read(query.metric, query.statistic, query.period_s, query.unit)
        return replace(series, label=query.label or query.metric.name)

    def _read(self, key: MetricKey, statistic: str, period_s: int, unit: str | None = None) -> Series:
        window = window_of(self._span.start, self._span.end, period_s, self._now)
        points = points_of(self._store, key, statistic, window)
        values = {point.at_s: point.value for point in points if unit in (None, point.unit)}
        return Series(label=key.name, window=window, values=values, metric=key, statistic=statistic)

    def _expression(self, query: DataQuery) -> Value:
        assert query.expression is not None  # noqa: S101
        value = self._evaluated(parse_expression(query.expression), query)
        if isinstance(value, str):
            raise ValidationFailed(f"Error in expression '{query.id}': it is a text.")
        if isinstance(value, Series):
            return replace(value, label=query.label or (value.label if value.metric else query.id), metric=None)
        return value

    def _evaluated(self, node: Node, query: DataQuery) -> Argument:
        match node:
            case Number(value):
                return value
            case Text(text):
                return text
            case Name(name):
                return self._named(name)
            case Listed(items):
                return self._list([self._evaluated(item, query) for item in items])
            case Unary(operand):
                return operate("*", -1.0, self._evaluated(operand, query))
            case Binary(operator, left, right):
                return operate(operator, self._evaluated(left, query), self._evaluated(right, query))
            case Call("SEARCH", arguments):
                return self._search([self._evaluated(each, query) for each in arguments], query)
            case Call("METRICS", arguments):
                return self._metrics([self._evaluated(each, query) for each in arguments])
            case Call(name, arguments):
                return call(name, [self._evaluated(each, query) for each in arguments], self._window(query))

    def _named(self, name: str) -> Argument:
        query = self._queries.get(name)
        if query is not None:
            return self._value(query)
        if name.upper() in _KEYWORDS:
            return name
        raise ValidationFailed(f"Error in expression: there is no query with the id {name[:64]}.")

    @staticmethod
    def _list(items: Sequence[Argument]) -> list[Series]:
        series: list[Series] = []
        for item in items:
            if isinstance(item, Series):
                series.append(item)
            elif isinstance(item, list):
                series += item
            else:
                raise ValidationFailed("Error in expression: a list holds metrics only.")
        return series

    def _metrics(self, arguments: Sequence[Argument]) -> list[Series]:
        """The metrics of the request, or those whose ids contain the text."""
        part = arguments[0] if arguments else ""
        if len(arguments) > 1 or not isinstance(part, str):
            raise ValidationFailed("Error in expression: METRICS takes no argument, or one text.")
        named = [query for query in self._queries.values() if query.metric is not None and part in query.id]
        return [value for value in map(self._value, named) if isinstance(value, Series)]

    def _search(self, arguments: Sequence[Argument], query: DataQuery) -> list[Series]:
        text, statistic, *rest = [*arguments, "", ""][: max(2, len(arguments))]
        period = rest[0] if rest else float(query.period_s or SEARCH_PERIOD)
        is_whole = isinstance(period, float) and math.isfinite(period) and period >= 1
        if len(arguments) not in (2, 3) or not isinstance(text, str) or not isinstance(statistic, str) or not is_whole:
            raise ValidationFailed("Error in expression: SEARCH takes a text, a statistic and, if you like, a period.")
        percentile_of(statistic)
        return [self._read(key, statistic, int(period)) for key in self._found(text)]  # type: ignore[arg-type]  # a number

    def _found(self, text: str) -> Sequence[MetricKey]:
        """The first metrics that fit and were measured since the start of the span."""
        search = parse_search(text)
        found: list[MetricKey] = []
        after: int | None = 0
        while after is not None and len(found) <= MOST_FOUND:
            page = self._store.list_metrics(
                MetricQuery(
                    account=self._span.account,
                    region=self._span.region,
                    limit=_SEARCH_PAGE,
                    namespace=search.namespace,
                    dimensions=search.exact_dimensions,
                    active_since_s=int(self._span.start.timestamp()),
                    after=after,
                )
            )
            found += filter(search.finds, page.metrics)
            after = page.last
        self.too_many_found = self.too_many_found or len(found) > MOST_FOUND
        return found[:MOST_FOUND]

    def _window(self, query: DataQuery) -> Window:
        """The periods of series that functions make of nothing: the query's own, or those of the other metrics."""
        periods = [each.period_s for each in self._queries.values() if each.period_s is not None]
        period_s = query.period_s or max(periods, default=SEARCH_PERIOD)
        return window_of(self._span.start, self._span.end, period_s, self._now)


def _check_ids(queries: Sequence[DataQuery]) -> None:
    seen: set[str] = set()
    for number, query in enumerate(queries, 1):
        place = f"MetricDataQueries.member.{number}.Id"
        if not _ID.fullmatch(query.id):
            raise ValidationFailed(
                f"The value {query.id} for parameter {place} is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        if query.id in seen:
            raise ValidationFailed(f"The values for parameter {place} are not unique: {query.id} comes twice.")
        seen.add(query.id)
