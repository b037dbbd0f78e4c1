"""The state changes of all jobs, as EventBridge gets them: a list, or a stream that clients resume by its ids."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

import anyio
import anyio.to_thread
from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from processing_emulator.admin.parameters import EventParameters
from processing_emulator.errors import StoreFailure
from processing_emulator.events.state_changes import StateChangePage, StateChanges
from processing_emulator.open_streams import OpenStreams
from processing_emulator.ports import EventFeed

EVENT_STREAM: Final = "text/event-stream"
KEEP_ALIVE_SECONDS: Final = 15.0
"""A stream without events has a comment so often: proxies close connections on which nothing is sent."""

_FOLLOW_THREADS: Final = 2
_PAGE: Final = 100
_LARGEST_PLACE: Final = 2**63 - 1


def event_routes(
    changes: StateChanges,
    feed: EventFeed,
    streams: OpenStreams,
    *,
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
) -> APIRouter:
    """`/events`."""
    router = APIRouter()
    follower = _Follower(changes, feed, streams, keep_alive_seconds)

    @router.get("/events")
    def get_events(
        query: Annotated[EventParameters, Query()],
        accept: Annotated[str, Header()] = "",
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        if EVENT_STREAM in accept:
            place = query.after if not last_event_id else _place_of(last_event_id)
            return StreamingResponse(
                follower.follow(place), media_type=EVENT_STREAM, headers={"cache-control": "no-store"}
            )
        page = changes.after(query.after, query.limit)
        found = [{"id": change.place, "event": change.event} for change in page.changes]
        return JSONResponse({"events": found, "next": page.next})

    return router


def _place_of(last_event_id: str) -> int:
    if not (last_event_id.isascii() and last_event_id.isdigit()) or len(last_event_id) > len(str(_LARGEST_PLACE)):
        raise HTTPException(400, "Last-Event-ID is the id of an event of this stream, a whole number.")
    return min(int(last_event_id), _LARGEST_PLACE)


class _Follower:
    """Streams. Reading has threads of its own, so that other requests never wait for followers."""

    def __init__(self, changes: StateChanges, feed: EventFeed, streams: OpenStreams, keep_alive_seconds: float) -> None:
        self._changes = changes
        self._feed = feed
        self._streams = streams
        self._keep_alive_seconds = keep_alive_seconds
        self._threads = anyio.CapacityLimiter(_FOLLOW_THREADS)

    async def follow(self, place: int) -> AsyncIterator[bytes]:
        """State changes behind a place as they are stored, until the client goes or the server stops."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            # The loop may end between the wake-up's look at who follows and this call.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

        with contextlib.ExitStack() as stack:
            stack.callback(self._feed.on_new_events(wake))
            stack.callback(self._streams.on_end(wake))
            yield b": the state changes of processing jobs\n\n"
            while not self._streams.has_ended:
                woken.clear()
                try:
                    page = await anyio.to_thread.run_sync(self._changes.after, place, _PAGE, limiter=self._threads)
                except StoreFailure as error:
                    yield f": {error}\n\n".encode()  # the client asks again, with the id that it has
                    return
                if page.changes:
                    yield _frames(page)
                elif not await _is_set_within(woken, self._keep_alive_seconds):
                    yield b": still here\n\n"
                place = page.next


def _frames(page: StateChangePage) -> bytes:
    return "".join(f"id: {change.place}\ndata: {json.dumps(change.event)}\n\n" for change in page.changes).encode()


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
