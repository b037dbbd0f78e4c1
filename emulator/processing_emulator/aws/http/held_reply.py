"""Holds the reply about a job back until the job changes, for clients that ask for it by a header.

A wait occupies no thread: it is a coroutine that the feed of events wakes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.types import Receive

from processing_emulator.aws.http.body import ClientGone
from processing_emulator.aws.protocols.codec import Reply
from processing_emulator.errors import ValidationFailed
from processing_emulator.jobs.changes import JobChanges, JobWatcher

WAIT_HEADER: Final = "X-Processing-Emulator-Wait"
LONGEST_SECONDS: Final = 20.0
"""Longer waits end here. Less than the 60 s after which SDKs give up a request, and than most proxies' limits."""


def seconds_to_wait(headers: Mapping[bytes, str]) -> float:
    """How long the client lets the server hold the reply, 0 without the header. Raises ValidationFailed."""
    text = headers.get(WAIT_HEADER.lower().encode(), "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise ValidationFailed(f"The header {WAIT_HEADER} must be a number of seconds, not '{text[:32]}'.")
    return min(seconds, LONGEST_SECONDS)


async def held_reply(
    run: Callable[[], Awaitable[Reply]], changes: JobChanges, seconds: float, receive: Receive
) -> Reply:
    """The reply of `run`, repeated until it is about another state of the job than the first, or the time is over.

    Raises ClientGone when the client goes away meanwhile.
    """
    first = await run()
    if first.state is None:
        return first
    async with changes.watching(first.state.key) as watcher:
        changed = asyncio.ensure_future(_changed_reply(run, first, watcher))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait({changed, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if changed.done():
                return changed.result()
            if gone.done():
                raise ClientGone
            return first
        finally:
            changed.cancel()
            gone.cancel()
            await asyncio.gather(changed, gone, return_exceptions=True)


async def _changed_reply(run: Callable[[], Awaitable[Reply]], first: Reply, watcher: JobWatcher) -> Reply:
    """Looks once at the beginning, too: the job may have changed before it was watched."""
    while not watcher.is_over:
        watcher.news.clear()
        reply = await run()
        if reply.state != first.state:
            return reply
        await watcher.news.wait()
    return first


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
