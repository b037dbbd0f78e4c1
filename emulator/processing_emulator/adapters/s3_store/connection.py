"""One kept-alive connection to the store, used by one thread at a time. Retries when the store is busy or away."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from processing_emulator.adapters.s3_store.abortable_connect import Dialler
from processing_emulator.adapters.s3_store.errors import NETWORK_ERRORS, Refusal, refusal_of, translated
from processing_emulator.adapters.s3_store.retry import Attempts, OutageLog, RetryPolicy, is_retryable
from processing_emulator.adapters.s3_store.signing import Signer, encoded_path, encoded_query
from processing_emulator.errors import Cancelled

BUFFER_BYTES = 256 * 1024
"""Size of one read or write. A body up to this size is sent together with its head."""

SILENCE_TIMEOUT_SECONDS = 60.0
"""A store that neither sends nor accepts a byte for this long counts as away."""

_ERROR_BODY_BYTES = 64 * 1024
_SUCCESS = range(200, 300)

T = TypeVar("T")


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

    def __init__(
        self, endpoint: Endpoint, signer: Signer, retry: RetryPolicy, outages: OutageLog | None = None
    ) -> None:
        self._endpoint = endpoint
        self._signer = signer
        self._retry = retry
        self._outages = outages or OutageLog(endpoint.host_header)
        self._http: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._buffer: bytearray | None = None
        self.stopped = threading.Event()

    @property
    def is_open(self) -> bool:
        """Whether it has a socket, connected or about to be."""
        return self._socket is not None

    @property
    def buffer(self) -> bytearray:
        """A read buffer that is allocated once."""
        if self._buffer is None:
            self._buffer = bytearray(BUFFER_BYTES)
        return self._buffer

    def request(
        self, request: Request, read: Callable[[HTTPResponse], T], resumed: Callable[[], Request] | None = None
    ) -> T:
        """Send a request and pass its successful response to `read`, which must consume the whole body.

        Connection errors and busy responses are retried, so `read` may run more than once. `resumed` makes the request
        of the next attempt where `read` keeps what it has: one that asks for less has made progress. Raises
        ObjectStoreRefused, ObjectStoreUnreachable, Cancelled, and whatever `read` raises.
        """
        attempts = Attempts(self._retry)
        with translated(request.operation, request.about, self._endpoint.host_header, self._retry.patience_seconds):
            while not self.stopped.is_set():
                try:
                    return self._exchange(request, read)
                except (Refusal, *NETWORK_ERRORS) as error:
                    if self.stopped.is_set():
                        break
                    if not is_retryable(error):
                        raise
                    before, request = request, resumed() if resumed else request
                    if request != before:
                        attempts.restart()
                    wait = attempts.next_wait_seconds()
                    if wait is None:
                        raise
                    self._outages.report(error)
                self.stopped.wait(wait)
        raise Cancelled(f"{request.operation} for {request.about} was cancelled")

    def abort(self) -> None:
        """Shut the socket down from another thread; the thread that uses the connection sees it break."""
        taken = self._socket
        if taken is not None:
            with suppress(OSError):  # it is closed already
                taken.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._http is not None:
            self._http.close()
            self._http = None
            self._socket = None

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
        host, port = self._endpoint.host, self._endpoint.port
        tls = ssl.create_default_context() if self._endpoint.is_tls else None
        taken = Dialler(host, port, tls=tls, opened=self._on_socket, stopped=self.stopped).connect()
        taken.settimeout(SILENCE_TIMEOUT_SECONDS)
        http = HTTPConnection(host, port)
        http.auto_open = 0  # a connection that broke is opened here, not by http.client
        http.sock = taken
        self._http = http
        return http

    def _on_socket(self, taken: socket.socket) -> None:
        self._socket = taken


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
