"""GetLogEvents (spec 5.2, 5.3): both tokens are always there, and at an end the token is the one that was given."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.logs.group_and_stream_members import group_named
from processing_emulator.aws.services.operation import Handler
from processing_emulator.logs.reading import MOST_EVENTS, EventQuery, LogReading


def get_log_events(reading: LogReading) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        group = group_named(context, request)
        query = EventQuery(
            start_ms=request.get("startTime", 0),
            end_ms=request.get("endTime"),
            limit=request.get("limit", MOST_EVENTS),
            from_head=request.get("startFromHead", False),
            token=request.get("nextToken"),
        )
        page = reading.events(group, request["logStreamName"], query)
        return {
            "events": [
                {"timestamp": event.at_ms, "message": event.message, "ingestionTime": event.ingested_at_ms}
                for event in page.events
            ],
            "nextForwardToken": page.forward_token,
            "nextBackwardToken": page.backward_token,
        }

    return handle
