"""Forwards S3 requests to the S3 store unchanged, streaming both ways, so that the client's signature stays valid."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Final, TypeAlias
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDict
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from processing_emulator.aws.http.body import ClientGone
from processing_emulator.aws.protocols.wire_errors import WireError, invalid_uri

logger = logging.getLogger(__name__)

StoreMiddleware: TypeAlias = Callable[[ASGIApp], ASGIApp]
"""Wraps the application that forwards requests, for a store that differs from S3."""

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_SENT: Final = _HOP_BY_HOP | {b"expect"}
"""The server answers `Expect` when the application reads the body."""

_NOT_RETURNED: Final = _HOP_BY_HOP | {b"date"}
"""The server adds its own Date to every response."""

_BODILESS: Final = (204, 304)
"""Statuses without a body. A Content-Length, which some stores send with them, would make the server wait for one."""

_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that the HTTP client would add."""

_READ_BYTES: Final = 256 * 1024
_CONNECT_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 300.0
"""Some operations, such as completing a large upload, take long before the first byte."""

_IDLE_SECONDS: Final = 15.0
"""Idle connections are closed before the store closes them, since a request sent at that moment would be lost."""

_NO_STORE: Final = (aiohttp.ClientError, OSError, asyncio.TimeoutError)


class S3Proxy:
    """An ASGI application for S3. It opens connections in the event loop of the first request; `close` closes them."""

    def __init__(self, endpoint_url: str, *, middleware: StoreMiddleware | None = None) -> None:
        self._endpoint = endpoint_url.rstrip("/")
        self._app = self._forward if middleware is None else middleware(self._forward)
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. When the client hangs up, the request to the store is cancelled."""
        if not scope["raw_path"].startswith(b"/"):  # appended to the endpoint, it could name another host or port
            raise invalid_uri()
        await self._app(scope, receive, send)

    async def close(self) -> None:
        """Close all connections to the store."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _RequestBody(scope, receive)
        exchange = asyncio.create_task(self._exchange(scope, body, send))
        hang_up = asyncio.create_task(body.wait_for_hang_up())
        try:
            await asyncio.wait({exchange, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (exchange, hang_up):
                task.cancel()
            await asyncio.wait({exchange, hang_up})
        if not exchange.cancelled():
            exchange.result()

    async def _exchange(self, scope: Scope, body: "_RequestBody", send: Send) -> None:
        has_begun = False
        try:
            async with self._request(scope, body) as answer:
                dropped = _NOT_RETURNED | {b"content-length"} if answer.status in _BODILESS else _NOT_RETURNED
                returned = [*_kept(answer.raw_headers, dropped), _SANDBOX]
                await send({"type": "http.response.start", "status": answer.status, "headers": returned})
                has_begun = True
                async for chunk in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except _NO_STORE as error:
            if body.is_client_gone:
                return
            logger.warning("s3 store failed", extra={"endpoint": self._endpoint, "error": repr(error)})
            if not has_begun:
                message = f"The S3 store at {self._endpoint} does not answer."
                raise WireError(code="ServiceUnavailable", message=message, status=503) from error
            # else the response stays incomplete; the server closes the connection, and the client notices

    def _request(self, scope: Scope, body: "_RequestBody") -> "aiohttp.client._RequestContextManager":
        """Begin the request. Path and query are forwarded byte for byte."""
        target = quote(scope["raw_path"], safe=_ASCII)
        if scope["query_string"]:
            target += "?" + quote(scope["query_string"], safe=_ASCII)
        headers = _kept(scope["headers"], _NOT_SENT)
        return self._connected().request(
            scope["method"],
            URL(self._endpoint + target, encoded=True),
            headers=CIMultiDict((name.decode("ascii"), header_text(value)) for name, value in headers),
            data=body.chunks() if body.is_expected else None,
            allow_redirects=False,
        )

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS),
                auto_decompress=False,
                skip_auto_headers=_AUTOMATIC,
                read_bufsize=_READ_BYTES,
            )
        return self._session


class _RequestBody:
    """The body that the client sends, and whether the client is still connected."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        names = dict(scope["headers"])
        self.is_expected = b"transfer-encoding" in names or names.get(b"content-length", b"0") != b"0"
        self.is_client_gone = False
        self._receive = receive
        self._received = asyncio.Event()
        if not self.is_expected:
            self._received.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in chunks. Raises ClientGone."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.is_client_gone = True
                raise ClientGone
            if chunk := message.get("body", b""):
                yield chunk
            more = message.get("more_body", False)
        self._received.set()

    async def wait_for_hang_up(self) -> None:
        """Return when the client hangs up after it has sent everything."""
        await self._received.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_client_gone = True


_SANDBOX = (b"content-security-policy", b"sandbox allow-scripts allow-downloads")
"""An object may be a page that a job has written. In a browser, its scripts get an origin of their own: without this
they could use the emulator's own endpoints, which are at the same address.
"""

_END_TO_END: Final = (b"authorization", b"content-", b"host", b"x-amz-")
"""How headers begin that the store needs, whatever Connection names: they sign the request and say what it does."""

_ASCII: Final = bytes(range(0x21, 0x7F))


def header_text(value: bytes) -> str:
    """A header's value for the HTTP client, which writes UTF-8; another encoding is taken for Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _kept(headers: Iterable[tuple[bytes, bytes]], dropped: Collection[bytes]) -> Iterable[tuple[bytes, bytes]]:
    """The headers, in order, without those dropped, and without those that Connection names and that may be dropped."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in lowered if name == b"connection" for part in value.split(b",")}
    dropped = {*dropped, *(name for name in named if not name.startswith(_END_TO_END))}
    return ((name, value) for name, value in lowered if name not in dropped)
