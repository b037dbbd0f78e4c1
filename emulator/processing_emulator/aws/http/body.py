"""Reads the body of a request into memory, within bounds of size and time."""

import asyncio
import zlib
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.protocols.wire_errors import BodyTimedOut, BodyTooLarge
from processing_emulator.errors import MalformedBody

BODY_LIMIT_BYTES: Final = 1024 * 1024
"""Of a request that is read as a whole; no valid one of the services served here comes near."""

LARGE_BODY_LIMIT_BYTES: Final = 8 * BODY_LIMIT_BYTES
"""Of requests that bring data: a mebibyte of log events takes up to six times as much as JSON."""

_LARGE_TARGETS: Final = frozenset({"Logs_20140328.PutLogEvents"})

SILENCE_SECONDS: Final = 60.0
"""How long a client may pause in the middle of its body."""

_DRAINED_TIMES_LIMIT = 16
"""A body that is too large is read to the end, up to this multiple, so that the client gets to see the refusal."""


class ClientGone(Exception):
    """The client hung up before its request was complete, so there is no one to answer."""


def body_limit(headers: Mapping[bytes, str]) -> int:
    """How long the body of a request may be that is read as a whole."""
    return LARGE_BODY_LIMIT_BYTES if headers.get(b"x-amz-target") in _LARGE_TARGETS else BODY_LIMIT_BYTES


async def read_body(receive: Receive, limit_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLarge, ClientGone."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size <= limit_bytes:
            chunks.append(chunk)
        else:
            chunks.clear()
            more = more and size <= limit_bytes * _DRAINED_TIMES_LIMIT
    if size > limit_bytes:
        raise BodyTooLarge(f"The request body is longer than {limit_bytes} bytes")
    return b"".join(chunks)


def uncompressed(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """The body as it was before its Content-Encoding. Raises BodyTooLarge, MalformedBody."""
    if encoding.strip().lower() != "gzip":
        return body
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise MalformedBody(f"The body is not gzip: {error}") from error
    if len(plain) > limit_bytes:
        raise BodyTooLarge(f"The request body is longer than {limit_bytes} bytes")
    if not inflater.eof:
        raise MalformedBody("The body is not gzip: it ends too early")
    return plain


class BodyTimeoutMiddleware:
    """Gives up a request whose body stops arriving: the application sees a client that is gone.

    Raises BodyTimedOut when the application has finished.
    """

    def __init__(self, app: ASGIApp, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._app = app
        self._silence_seconds = silence_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _TimedBody(receive, self._silence_seconds)
        try:
            await self._app(scope, body.receive, send)
        except ClientGone:
            if not body.has_timed_out:
                raise
        if body.has_timed_out:
            raise BodyTimedOut(f"The body of the request stopped arriving for {self._silence_seconds:g} s")


class _TimedBody:
    """A `receive` that waits for the body so long and no longer; for the end of the connection it waits forever."""

    def __init__(self, receive: Receive, silence_seconds: float) -> None:
        self._receive = receive
        self._silence_seconds: float | None = silence_seconds
        self.has_timed_out = False

    async def receive(self) -> Message:
        try:
            async with asyncio.timeout(self._silence_seconds):
                message = await self._receive()
        except TimeoutError:
            self.has_timed_out = True
            return {"type": "http.disconnect"}
        if not message.get("more_body", False):
            self._silence_seconds = None
        return message
