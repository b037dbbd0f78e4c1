"""StartLiveTail: a reply that goes on with the events that are stored from now on, once a second."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.event_stream import EventStream, StreamEvent
from processing_emulator.aws.services.logs.group_and_stream_members import group_identified
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.log_filter.pattern import compile_filter
from processing_emulator.errors import StoreFailure, ValidationFailed
from processing_emulator.logs.live_tail import LiveTail, TailedEvent, TailQuery
from processing_emulator.ports import Clock, LogStore

LONGEST_SECONDS: Final = 3 * 60 * 60
UPDATE_SECONDS: Final = 1.0
MOST_RESULTS: Final = 500
"""What one update holds. The service leaves out what is more; here further updates follow at once."""


def start_live_tail(logs: LogStore, clock: Clock) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        tail = LiveTail(logs, _query(context, request))
        start = StreamEvent(
            "sessionStart",
            {
                "requestId": context.request_id,
                "sessionId": str(uuid4()),
                "logGroupIdentifiers": request["logGroupIdentifiers"],
                "logStreamNames": request.get("logStreamNames", []),
                "logStreamNamePrefixes": request.get("logStreamNamePrefixes", []),
                "logEventFilterPattern": request.get("logEventFilterPattern", ""),
            },
        )
        stream = EventStream(events=_events(start, tail, clock), interval_seconds=UPDATE_SECONDS)
        return {"responseStream": stream}

    return handle


def _query(context: RequestContext, request: Mapping[str, Any]) -> TailQuery:
    identifiers = request["logGroupIdentifiers"]
    names, prefixes = request.get("logStreamNames", []), request.get("logStreamNamePrefixes", [])
    if names and prefixes:
        raise ValidationFailed("logStreamNames and logStreamNamePrefixes are mutually exclusive parameters.")
    if (names or prefixes) and len(identifiers) > 1:
        raise ValidationFailed("Log streams can be chosen only when one log group is specified.")
    return TailQuery(
        groups=[group_identified(context, identifier) for identifier in dict.fromkeys(identifiers)],
        matches=compile_filter(request.get("logEventFilterPattern", "")),
        stream_names=names,
        stream_prefixes=prefixes,
    )


def _events(start: StreamEvent, tail: LiveTail, clock: Clock) -> Iterator[Sequence[StreamEvent]]:
    yield [start]
    ends_at = clock.monotonic() + LONGEST_SECONDS
    while clock.monotonic() < ends_at:
        try:
            found = tail.look(int(clock.now().timestamp() * 1000))
        except StoreFailure as error:
            yield [StreamEvent("SessionStreamingException", {"message": str(error)}, is_exception=True)]
            return
        yield [_update(found[first : first + MOST_RESULTS]) for first in range(0, max(1, len(found)), MOST_RESULTS)]
    yield [StreamEvent("SessionTimeoutException", {"message": "The session has timed out."}, is_exception=True)]


def _update(found: Sequence[TailedEvent]) -> StreamEvent:
    results = [
        {
            "logStreamName": tailed.stream_name,
            "logGroupIdentifier": f"{tailed.group.account}:{tailed.group.name}",
            "message": tailed.event.message,
            "timestamp": tailed.event.at_ms,
            "ingestionTime": tailed.event.ingested_at_ms,
        }
        for tailed in found
    ]
    return StreamEvent("sessionUpdate", {"sessionMetadata": {"sampled": False}, "sessionResults": results})
