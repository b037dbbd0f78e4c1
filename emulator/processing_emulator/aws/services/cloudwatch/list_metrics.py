"""ListMetrics."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.cloudwatch.members import metric_member
from processing_emulator.aws.services.operation import Handler
from processing_emulator.metrics.reading import MOST_LISTED, MetricReading
from processing_emulator.ports import MetricQuery


def list_metrics(reading: MetricReading) -> Handler:
    """The handler. There are no linked accounts here, so the metrics of the caller's account are all there are."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        if request.get("OwningAccount", context.account) != context.account:
            return {"Metrics": []}
        query = MetricQuery(
            account=context.account,
            region=context.region,
            limit=MOST_LISTED,
            namespace=request.get("Namespace"),
            name=request.get("MetricName"),
            dimensions=tuple((each["Name"], each.get("Value")) for each in request.get("Dimensions", ())),
        )
        page = reading.page(query, request.get("NextToken"), recent="RecentlyActive" in request)
        is_linked = request.get("IncludeLinkedAccounts", False)
        return present(
            Metrics=[metric_member(key) for key in page.metrics],
            NextToken=page.next_token,
            OwningAccounts=[context.account] * len(page.metrics) if is_linked else None,
        )

    return handle
