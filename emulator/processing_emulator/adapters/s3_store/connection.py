"""One kept-alive connection to the store, used by one thread at a time. Retries when the store is busy or away."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from processing_emulator.adapters.s3_store.errors import NETWORK_ERRORS, Refusal, refusal_of, translated
from processing_emulator.adapters.s3_store.signing import Signer, encoded_path, encoded_query
from processing_emulator.errors import Cancelled

BUFFER_BYTES = 256 * 1024
"""Size of one read or write. A body up to this size is sent together with its head."""

CONNECT_TIMEOUT_SECONDS = 5.0
SILENCE_TIMEOUT_SECONDS = 60.0
"""A store that neither sends nor accepts a byte for this long counts as away."""

_ERROR_BODY_BYTES = 64 * 1024
_SUCCESS = range(200, 300)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a request is tried, and the wait before the second attempt, which doubles for each further one."""

    attempts: int = 6
    first_wait_seconds: float = 0.2

    def wait_seconds(self, attempt: int) -> float:
        """The wait after an attempt; the first attempt is number 0."""
        return float(self.first_wait_seconds * 2**attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the store is."""

    host: str
    port: int
    is_tls: bool

    @property
    def host_header(self) -> str:
        """The Host header, which is signed. It omits a default port, as all clients do."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_tls else 80) else f"{name}:{self.port}"


def endpoint_of(url: str) -> Endpoint:
    """Parse an endpoint URL. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"{url!r} is not the URL of an S3 endpoint, http(s)://HOST[:PORT]")
    is_tls = parts.scheme == "https"
    return Endpoint(host=parts.hostname, port=parts.port or (443 if is_tls else 80), is_tls=is_tls)


class Body(Protocol):
    """What is sent with a request."""

    size_bytes: int

    def send_to(self, connection: HTTPConnection) -> None:
        """Send the whole body over a connection whose request headers are not finished yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One S3 operation. `about` names its object or prefix in error messages."""

    operation: str
    about: str
    method: str
    bucket: str
    key: str = ""
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None


class Connection:
    """A connection to the store, opened by the first request. Set `stopped` to make its user give up."""

    def __init__(self, endpoint: Endpoint, signer: Signer, retry: RetryPolicy) -> None:
        self._endpoint = endpoint
        self._signer = signer
        self._retry = retry
        self._http: HTTPConnection | None = None
        self._buffer: bytearray | None = None
        self.stopped = threading.Event()

    @property
    def buffer(self) -> bytearray:
        """A read buffer that is allocated once."""
        if self._buffer is None:
            self._buffer = bytearray(BUFFER_BYTES)
        return self._buffer

    def request(self, request: Request, read: Callable[[HTTPResponse], T]) -> T:
        """Send a request and pass its successful response to `read`, which must consume the whole body.

        Connection errors and busy responses are retried, so `read` may run more than once. Raises
        ObjectStoreRefused, ObjectStoreUnreachable, Cancelled, and whatever `read` raises.
        """
        with translated(request.operation, request.about, self._endpoint.host_header):
            for attempt in range(self._retry.attempts):
                if self.stopped.is_set():
                    break
                try:
                    return self._exchange(request, read)
                except (Refusal, *NETWORK_ERRORS) as error:
                    if self.stopped.is_set():
                        break
                    is_retryable = error.is_retryable if isinstance(error, Refusal) else True
                    if not is_retryable or attempt + 1 == self._retry.attempts:
                        raise
                self.stopped.wait(self._retry.wait_seconds(attempt))
        raise Cancelled(f"{request.operation} for {request.about} was cancelled")

    def abort(self) -> None:
        """Shut the socket down from another thread; the thread that uses the connection sees it break."""
        http = self._http
        taken = http.sock if http is not None else None
        if taken is not None:
            with suppress(OSError):  # it is closed already
                taken.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _exchange(self, request: Request, read: Callable[[HTTPResponse], T]) -> T:
        try:
            response = self._response_to(request)
            result = _accepted(response, read)
        except BaseException:
            self.close()
            raise
        if response.will_close or not response.isclosed():
            self.close()  # the store asked for it, or part of the body is unread
        return result

    def _response_to(self, request: Request) -> HTTPResponse:
        """Send a request and read the head of the response.

        The store may close an idle connection at any moment, so a reused one gets a second try at once.
        """
        is_fresh = self._http is None
        try:
            return self._send(request)
        except ConnectionError:
            if is_fresh or self.stopped.is_set():
                raise
            self.close()
            return self._send(request)

    def _send(self, request: Request) -> HTTPResponse:
        http = self._http or self._connect()
        path, query = encoded_path(request.bucket, request.key), encoded_query(request.query)
        target = f"{path}?{query}" if query else path
        http.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        signed = self._signer.headers(request.method, self._endpoint.host_header, path, query)
        for headers in (signed, request.headers):
            for name, value in headers.items():
                http.putheader(name, value)
        if request.body is None:
            http.endheaders()
            return http.getresponse()
        http.putheader("content-length", str(request.body.size_bytes))
        try:
            request.body.send_to(http)
        except (BrokenPipeError, ConnectionResetError):
            return _early_response(http)
        return http.getresponse()

    def _connect(self) -> HTTPConnection:
        http = _http_connection(self._endpoint)
        http.auto_open = 0  # otherwise http.client reconnects by itself, with the wrong timeout
        try:
            http.connect()
        except OSError:
            http.close()
            raise
        http.sock.settimeout(SILENCE_TIMEOUT_SECONDS)
        self._http = http
        if self.stopped.is_set():  # `abort` may have run while there was no socket to shut down
            raise ConnectionAbortedError("the connection was aborted")
        return http


def _early_response(http: HTTPConnection) -> HTTPResponse:
    """The response of a store that refused the request, and closed, before it had read the whole body."""
    response = http.getresponse()
    if response.status in _SUCCESS:
        raise ConnectionResetError("the store closed the connection before it had the whole body")
    return response


def _accepted(response: HTTPResponse, read: Callable[[HTTPResponse], T]) -> T:
    if response.status not in _SUCCESS:
        raise refusal_of(response.status, response.read(_ERROR_BODY_BYTES))
    return read(response)


def _http_connection(endpoint: Endpoint) -> HTTPConnection:
    if not endpoint.is_tls:
        return HTTPConnection(endpoint.host, endpoint.port, timeout=CONNECT_TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    return HTTPSConnection(endpoint.host, endpoint.port, timeout=CONNECT_TIMEOUT_SECONDS, context=context)
