"""Sends replies that go on: what there is at once, then more at intervals, until there is no more, or no client."""

from typing import Final

import anyio
import anyio.to_thread
from starlette.types import Receive, Send

from processing_emulator.aws.protocols.codec import Chunks, Reply
from processing_emulator.open_streams import OpenStreams

STREAM_THREADS: Final = 2
"""Threads that look for more, for all streams together, so that other requests never wait for them."""


async def send_streamed(
    receive: Receive, send: Send, reply: Reply, chunks: Chunks, limiter: anyio.CapacityLimiter, streams: OpenStreams
) -> None:
    """Send the head and all chunks. The next chunk is made once the client has taken the one before it.

    When the server stops, the reply ends whole after the chunk before, so that the client sees its end, not a failure.
    """
    headers = [(b"content-type", reply.media_type.encode()), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_cancel_when_gone, receive, tasks.cancel_scope)
        while (chunk := await anyio.to_thread.run_sync(next, chunks.bodies, None, limiter=limiter)) is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if await streams.end_within(chunks.interval_seconds):
                break
        await send({"type": "http.response.body", "body": b""})
        tasks.cancel_scope.cancel()


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
