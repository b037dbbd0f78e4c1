"""Hands S3 requests on to the S3 store as they are, streaming both ways, so that the client's signature stays valid."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

import aiohttp
from multidict import CIMultiDict
from starlette.types import Receive, Scope, Send
from yarl import URL

from emulator.aws.aws_chunked import ChunkDecoder, MalformedChunks, decoded_length, is_chunked, plain_headers
from emulator.aws.body import ClientGone
from emulator.aws.s3_buckets import BucketLister, asks_for_buckets, buckets_document
from emulator.errors import EmulatorError

logger = logging.getLogger(__name__)

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
"""`Expect` is answered by the server when the body is first asked for."""

_NOT_RETURNED: Final = _HOP_BY_HOP | {b"date"}
"""The server puts its own Date on every answer."""

_BODILESS: Final = (204, 304)
"""A store may tell with these how long a body would be; the server would wait for one."""

_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What the HTTP client would add by itself."""

_READ_BYTES: Final = 256 * 1024
_CONNECT_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 300.0
"""Some operations, such as completing a large upload, take long before the first byte."""

_IDLE_SECONDS: Final = 15.0
"""Connections are given up before a store would do so: a request on its way then would be lost."""

_NO_STORE: Final = (aiohttp.ClientError, OSError, asyncio.TimeoutError)


class S3Passthrough:
    """An ASGI application for S3. Its connections are made in the loop of the first request; `close` ends them.

    Three things for a store that takes any keys and checks no signature: `list_buckets` answers ListBuckets in its
    place, `dropped_headers` (lower case) are those it cannot cope with, and `unframes` spares it the framing of
    `aws-chunked`, whose signatures it could not check.
    """

    def __init__(
        self,
        endpoint_url: str,
        *,
        list_buckets: BucketLister | None = None,
        dropped_headers: Collection[bytes] = (),
        unframes: bool = False,
    ) -> None:
        self._endpoint = endpoint_url.rstrip("/")
        self._list_buckets = list_buckets
        self._not_sent = _NOT_SENT.union(dropped_headers)
        self._unframes = unframes
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A client that hangs up ends the request to the store, too."""
        if not scope["raw_path"].startswith(b"/"):  # behind the endpoint it could name another host or port
            await _reply(send, 400, _error("InvalidURI", "Couldn't parse the specified URI."))
            return
        if self._list_buckets is not None and asks_for_buckets(scope):
            await self._reply_with_buckets(self._list_buckets, scope, send)
            return
        headers, decoder = list(_kept(scope["headers"], self._not_sent)), None
        if self._unframes and is_chunked(headers):
            try:
                decoder = ChunkDecoder(decoded_length(headers))
            except MalformedChunks as error:
                await _reply(send, 400, _error("IncompleteBody", str(error)))
                return
            headers = plain_headers(headers)
        body = _RequestBody(scope, receive, decoder)
        exchange = asyncio.create_task(self._exchange(scope, headers, body, send))
        hang_up = asyncio.create_task(body.wait_for_hang_up())
        try:
            await asyncio.wait({exchange, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (exchange, hang_up):
                task.cancel()
            await asyncio.wait({exchange, hang_up})
        if not exchange.cancelled():
            exchange.result()

    async def close(self) -> None:
        """Let go of all connections to the store."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, scope: Scope, headers: "_Headers", body: "_RequestBody", send: Send) -> None:
        has_begun = False
        try:
            async with self._request(scope, headers, body) as answer:
                dropped = _NOT_RETURNED | {b"content-length"} if answer.status in _BODILESS else _NOT_RETURNED
                returned = list(_kept(answer.raw_headers, dropped))
                await send({"type": "http.response.start", "status": answer.status, "headers": returned})
                has_begun = True
                async for chunk in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except _NO_STORE as error:
            if body.is_given_up:
                return
            if body.fault and not has_begun:
                await _reply(send, 400, _error("IncompleteBody", body.fault))
                return
            logger.warning("the S3 store failed: %r", error, extra={"action": "s3_passthrough_failed"})
            if not has_begun:
                await _reply(send, 503, _unavailable(self._endpoint))
            # else the answer stays unfinished: the server cuts the connection, and the client sees that

    async def _reply_with_buckets(self, list_buckets: BucketLister, scope: Scope, send: Send) -> None:
        try:
            buckets = await asyncio.to_thread(list_buckets)
        except EmulatorError as error:
            logger.warning("the buckets are not known: %s", error, extra={"action": "s3_passthrough_failed"})
            await _reply(send, 503, _unavailable(self._endpoint))
        else:
            await _reply(send, 200, buckets_document(buckets, scope["query_string"]))

    def _request(
        self, scope: Scope, headers: "_Headers", body: "_RequestBody"
    ) -> "aiohttp.client._RequestContextManager":
        """Begin the request. Path and query go on byte for byte."""
        target = quote(scope["raw_path"], safe=_ASCII)
        if scope["query_string"]:
            target += "?" + quote(scope["query_string"], safe=_ASCII)
        return self._connected().request(
            scope["method"],
            URL(self._endpoint + target, encoded=True),
            headers=CIMultiDict((name.decode("ascii"), _text(value)) for name, value in headers),
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
    """What the client sends, without framing if there is a decoder, and whether it is still there.

    `fault` is a sentence once the framing has turned out to be wrong.
    """

    def __init__(self, scope: Scope, receive: Receive, decoder: ChunkDecoder | None = None) -> None:
        names = dict(scope["headers"])
        self.is_expected = b"transfer-encoding" in names or names.get(b"content-length", b"0") != b"0"
        self.is_given_up = False
        self.fault = ""
        self._receive = receive
        self._decoder = decoder
        self._taken = asyncio.Event()
        if not self.is_expected:
            self._taken.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The object as it comes. Raises ClientGone, MalformedChunks."""
        decoder = self._decoder
        if decoder is None:
            async for chunk in self._received():
                yield chunk
            return
        try:
            async for chunk in self._received():
                if plain := decoder.feed(chunk):
                    yield plain
            decoder.finish()
        except MalformedChunks as error:
            self.fault = str(error)
            raise

    async def _received(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.is_given_up = True
                raise ClientGone
            if chunk := message.get("body", b""):
                yield chunk
            more = message.get("more_body", False)
        self._taken.set()

    async def wait_for_hang_up(self) -> None:
        """Return when the client hangs up after it has sent everything."""
        await self._taken.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_given_up = True


_ASCII: Final = bytes(range(0x21, 0x7F))

_Headers = Sequence[tuple[bytes, bytes]]


def _text(value: bytes) -> str:
    """A header's value for the HTTP client, which writes UTF-8; what is none comes out as Latin-1 that was recoded."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _kept(headers: Iterable[tuple[bytes, bytes]], dropped: Collection[bytes]) -> Iterable[tuple[bytes, bytes]]:
    """The headers, in order, without those dropped and those that Connection names."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in lowered if name == b"connection" for part in value.split(b",")}
    return ((name, value) for name, value in lowered if name not in dropped and name not in named)


def _unavailable(endpoint: str) -> bytes:
    """The error that SDKs answer by trying again."""
    return _error("ServiceUnavailable", f"The S3 store at {endpoint} does not answer.")


def _error(code: str, message: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    ).encode()


async def _reply(send: Send, status: int, document: bytes) -> None:
    headers = [(b"content-type", b"application/xml"), (b"content-length", str(len(document)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": document})
