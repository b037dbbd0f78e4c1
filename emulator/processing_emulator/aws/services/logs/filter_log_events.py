"""FilterLogEvents. Pages may be partial or empty; `nextToken` is there until everything was searched."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.logs.group_and_stream_members import group_named
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.log_filter.pattern import compile_filter
from processing_emulator.logs.filtering import FilterQuery, LogFiltering, event_id
from processing_emulator.logs.merged_events import MergedEvent
from processing_emulator.logs.reading import MOST_EVENTS


def filter_log_events(filtering: LogFiltering) -> Handler:
    """The handler. `interleaved` has no effect, as in the service since 2019: events of all streams come by time."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        page = filtering.page(_query(context, request))
        return present(
            events=[_event(merged) for merged in page.events], searchedLogStreams=[], nextToken=page.next_token
        )

    return handle


def _query(context: RequestContext, request: Mapping[str, Any]) -> FilterQuery:
    group, pattern = group_named(context, request), request.get("filterPattern", "")
    names, prefix = request.get("logStreamNames", []), request.get("logStreamNamePrefix", "")
    start_ms, end_ms = request.get("startTime", 0), request.get("endTime")
    return FilterQuery(
        group=group,
        matches=compile_filter(pattern),
        bound=[*group, pattern, names, prefix, start_ms, end_ms],
        stream_names=names,
        prefix=prefix,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=request.get("limit", MOST_EVENTS),
        from_head=request.get("startFromHead", True),
        token=request.get("nextToken"),
    )


def _event(merged: MergedEvent) -> Mapping[str, object]:
    return {
        "logStreamName": merged.stream.name,
        "timestamp": merged.event.at_ms,
        "message": merged.event.message,
        "ingestionTime": merged.event.ingested_at_ms,
        "eventId": event_id(merged.place),
    }
