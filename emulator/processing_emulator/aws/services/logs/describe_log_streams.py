"""DescribeLogStreams (spec 5.2, 5.3): `nextToken` is there only when something is left; SDKs loop as long as it is."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.logs.group_and_stream_members import group_arn, group_named
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import ValidationFailed
from processing_emulator.logs.page_tokens import sequence_token
from processing_emulator.logs.reading import LogReading
from processing_emulator.ports import LogStream, StreamQuery

MOST_STREAMS = 50
"""What a page holds when the request names no limit, which cannot be higher."""


def describe_log_streams(reading: LogReading) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        group = group_named(context, request)
        page = reading.streams(_query(group, request), request.get("nextToken"))
        return present(logStreams=[_stream(group, stream) for stream in page.streams], nextToken=page.next_token)

    return handle


def _query(group: LogGroupKey, request: Mapping[str, Any]) -> StreamQuery:
    by_time = request.get("orderBy") == "LastEventTime"
    if by_time and "logStreamNamePrefix" in request:
        raise ValidationFailed("Cannot order by LastEventTime with a logStreamNamePrefix.")
    return StreamQuery(
        group=group,
        limit=request.get("limit", MOST_STREAMS),
        prefix=request.get("logStreamNamePrefix", ""),
        by_time=by_time,
        descending=request.get("descending", False),
    )


def _stream(group: LogGroupKey, stream: LogStream) -> Mapping[str, object]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created_at_ms,
        **(_times(stream) if stream.next_seq else {}),
        "uploadSequenceToken": sequence_token(stream.id),
        "arn": f"{group_arn(group)}:log-stream:{stream.name}",
        "storedBytes": 0,  # the service has counted groups only since 2019
    }


def _times(stream: LogStream) -> Mapping[str, object]:
    return {
        "firstEventTimestamp": stream.first_event_at_ms,
        "lastEventTimestamp": stream.last_event_at_ms,
        "lastIngestionTime": stream.last_ingested_at_ms,
    }
