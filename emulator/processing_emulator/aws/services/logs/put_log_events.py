"""PutLogEvents. Sequence tokens have no effect, as in the service since 2023; a next one is still returned."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.logs.group_and_stream_members import own_group
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.log_events import LogEvent
from processing_emulator.logs.page_tokens import sequence_token
from processing_emulator.logs.reading import LogReading
from processing_emulator.logs.writing import LogWriting, Rejected


def put_log_events(reading: LogReading, writing: LogWriting) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        group, name = own_group(context, request), request["logStreamName"]
        stream = reading.stream(group, name)
        events = [LogEvent(event["timestamp"], event["message"]) for event in request["logEvents"]]
        rejected = _rejected(writing.put_events(group, name, events))
        return present(nextSequenceToken=sequence_token(stream.id), rejectedLogEventsInfo=rejected or None)

    return handle


def _rejected(rejected: Rejected) -> Mapping[str, object]:
    return present(
        tooNewLogEventStartIndex=rejected.too_new_start,
        tooOldLogEventEndIndex=rejected.too_old_end,
        expiredLogEventEndIndex=rejected.expired_end,
    )
