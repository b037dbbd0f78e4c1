"""What the containers of a job have printed: a page of events, the last ones, or a stream until the job has ended."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, NamedTuple

import anyio
import anyio.to_thread
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from processing_emulator.admin.log_search import search_stream
from processing_emulator.admin.parameters import MAX_EVENTS, JobName, LogParameters, SearchParameters, index_of
from processing_emulator.admin.views import log_document, log_event_document
from processing_emulator.domain.job import JobId
from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.errors import EmulatorError
from processing_emulator.open_streams import OpenStreams
from processing_emulator.ports import JobStore, LogStore

MAX_BYTES = 8 * 1024**2
"""The size of the messages in one reply, but one message is always sent."""

FOLLOW_BYTES = 256 * 1024
"""The size of the messages that a follower is sent at once."""

FOLLOW_THREADS = 2
"""Threads that read for all followers. They are not those of other requests, which never wait for followers."""

POLL_SECONDS = 0.25
"""How long a follower that has everything waits before it looks again."""


def log_routes(store: JobStore, logs: LogStore, streams: OpenStreams) -> APIRouter:
    """`/jobs/NAME/logs`, and the search in it."""
    router = APIRouter()
    threads = anyio.CapacityLimiter(FOLLOW_THREADS)

    @router.get("/jobs/{name}/logs")
    def get_logs(name: JobName, query: Annotated[LogParameters, Query()]) -> Response:
        _check(query)
        output = _Output(store, logs, query.find_job(store, name).id, index_of(query.host))
        if query.follow:
            seq = query.from_seq if query.tail is None else output.seq_of_tail(query.tail)
            return StreamingResponse(output.follow(seq, threads, streams), media_type="application/x-ndjson")
        if query.tail is not None:
            seq = output.seq_of_tail(query.tail)
            return JSONResponse(log_document(output.events(seq, query.tail), seq))
        return JSONResponse(log_document(output.events(query.from_seq, query.limit), query.from_seq))

    @router.get("/jobs/{name}/logs/search")
    def search_logs(name: JobName, query: Annotated[SearchParameters, Query()]) -> JSONResponse:
        stream = logs.output_stream(query.find_job(store, name).id, index_of(query.host))
        if stream is None:
            return JSONResponse({"seq": None, "next": None})
        found = search_stream(logs, stream, query.text, query.from_seq, backward=query.backward)
        return JSONResponse({"seq": found.seq, "next": found.next_seq})

    return router


def _check(query: LogParameters) -> None:
    given = {"from" if name == "from_seq" else name for name in query.model_fields_set}
    for one, other in (("tail", "from"), ("tail", "limit"), ("follow", "limit")):
        if {one, other} <= given:
            raise HTTPException(400, f"{one} and {other} exclude each other")


class _FollowedPage(NamedTuple):
    """What a follower is sent, as lines of JSON, and the number of the event after it."""

    next_seq: int
    lines: bytes = b""
    is_last: bool = False


class _Output:
    """The output of one instance."""

    def __init__(self, store: JobStore, logs: LogStore, job_id: JobId, index: int) -> None:
        self._store = store
        self._logs = logs
        self._job_id = job_id
        self._index = index

    def events(self, seq: int, limit: int, most_bytes: int = MAX_BYTES) -> Sequence[StoredEvent]:
        """A page of events."""
        stream = self._logs.output_stream(self._job_id, self._index)
        if stream is None:
            return []
        return self._logs.read(stream.id, seq, forward=True, limit=limit, most_bytes=most_bytes)

    def seq_of_tail(self, count: int) -> int:
        """Where the last events begin."""
        stream = self._logs.output_stream(self._job_id, self._index)
        return 0 if stream is None else max(0, stream.next_seq - count)

    async def follow(self, seq: int, threads: anyio.CapacityLimiter, streams: OpenStreams) -> AsyncIterator[bytes]:
        """Events as lines of JSON, from a number on, until the job has ended or is forgotten, or the server stops.

        A page is read once the client has taken the page before it, so a client that does not read costs one page.
        """
        page = _FollowedPage(seq)
        while not page.is_last and not streams.has_ended:
            page = await anyio.to_thread.run_sync(self._followed_page, page.next_seq, limiter=threads)
            if page.lines:
                yield page.lines
            elif not page.is_last:
                await streams.end_within(POLL_SECONDS)

    def _followed_page(self, seq: int) -> _FollowedPage:
        try:
            # Asked before reading: all output from before the end is stored by then.
            ended = self._store.get(self._job_id).phase.is_terminal
            events = self.events(seq, MAX_EVENTS, FOLLOW_BYTES)
        except EmulatorError as error:
            return _FollowedPage(seq, json.dumps({"error": str(error)}).encode() + b"\n", is_last=True)
        if not events:
            return _FollowedPage(seq, is_last=ended)
        lines = b"".join(json.dumps(log_event_document(event)).encode() + b"\n" for event in events)
        return _FollowedPage(events[-1].seq + 1, lines)
