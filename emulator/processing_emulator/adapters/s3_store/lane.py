"""One connection to the store, kept alive, used by one thread at a time; asks again when the store is busy or away."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from processing_emulator.adapters.s3_store.errors import NETWORK_ERRORS, Refusal, refusal_of, translated
from processing_emulator.adapters.s3_store.signing import Signer, encoded_path, encoded_query
from processing_emulator.errors import Cancelled

BUFFER_BYTES = 256 * 1024
"""Read and written at once; smaller bodies are sent together with their head."""

CONNECT_TIMEOUT_SECONDS = 5.0
SILENCE_TIMEOUT_SECONDS = 60.0
"""A store that sends or takes nothing for so long is away."""

_ERROR_BODY_BYTES = 64 * 1024
_SUCCESS = range(200, 300)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a request is made, and the wait before the second time, which doubles from then on."""

    attempts: int = 6
    first_wait_seconds: float = 0.2

    def wait_seconds(self, attempt: int) -> float:
        """The wait after the attempt of that number, counted from 0."""
        return float(self.first_wait_seconds * 2**attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the store is."""

    host: str
    port: int
    is_tls: bool

    @property
    def host_header(self) -> str:
        """The Host header, which is signed: a default port is left out, as all clients do."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_tls else 80) else f"{name}:{self.port}"


def endpoint_of(url: str) -> Endpoint:
    """Read an endpoint URL; ValueError when it is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"{url!r} is not the URL of an S3 endpoint, http(s)://HOST[:PORT]")
    is_tls = parts.scheme == "https"
    return Endpoint(host=parts.hostname, port=parts.port or (443 if is_tls else 80), is_tls=is_tls)


class Body(Protocol):
    """What is sent with a request."""

    size_bytes: int

    def send_to(self, connection: HTTPConnection) -> None:
        """Send all of it over a connection whose request is still open for headers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One S3 operation. `about` names its subject in a sentence."""

    operation: str
    about: str
    method: str
    bucket: str
    key: str = ""
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None


class Lane:
    """A way to the store. `stopped` is set by whoever wants its user to give up."""

    def __init__(self, endpoint: Endpoint, signer: Signer, retry: RetryPolicy) -> None:
        self._endpoint = endpoint
        self._signer = signer
        self._retry = retry
        self._connection: HTTPConnection | None = None
        self._buffer: bytearray | None = None
        self.stopped = threading.Event()

    @property
    def buffer(self) -> bytearray:
        """Room for one read, kept for the next."""
        if self._buffer is None:
            self._buffer = bytearray(BUFFER_BYTES)
        return self._buffer

    def perform(self, request: Request, read: Callable[[HTTPResponse], T]) -> T:
        """Make a request and give its successful answer to `read`, which must take all of the body.

        Connection errors and busy answers are tried again; `read` may thus run more than once. Raises
        ObjectStoreRefused, ObjectStoreUnreachable, Cancelled, and whatever else `read` raises.
        """
        with translated(request.operation, request.about, self._endpoint.host_header):
            for attempt in range(self._retry.attempts):
                if self.stopped.is_set():
                    break
                try:
                    return self._exchange(request, read)
                except (Refusal, *NETWORK_ERRORS) as error:
                    may_pass = error.may_pass if isinstance(error, Refusal) else True
                    if not may_pass or attempt + 1 == self._retry.attempts:
                        raise
                self.stopped.wait(self._retry.wait_seconds(attempt))
        raise Cancelled(f"{request.operation} for {request.about} was given up")

    def abort(self) -> None:
        """End the exchange under way, from another thread; its user finds a broken connection."""
        connection = self._connection
        taken = connection.sock if connection is not None else None
        if taken is not None:
            try:
                taken.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it ended by itself

    def close(self) -> None:
        """Let go of the connection; the next request makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, request: Request, read: Callable[[HTTPResponse], T]) -> T:
        try:
            response = self._ask(request)
            answer = _accepted(response, read)
        except BaseException:
            self.close()
            raise
        if response.will_close or not response.isclosed():
            self.close()  # the store wants it, or something of the body is left over
        return answer

    def _ask(self, request: Request) -> HTTPResponse:
        """Send a request and read the head of the answer.

        A connection that was kept too long is ended by the store at any moment; then a new one is taken at once.
        """
        is_fresh = self._connection is None
        try:
            return self._send(request)
        except ConnectionError:
            if is_fresh or self.stopped.is_set():
                raise
            self.close()
            return self._send(request)

    def _send(self, request: Request) -> HTTPResponse:
        connection = self._connection or self._connect()
        path, query = encoded_path(request.bucket, request.key), encoded_query(request.query)
        target = f"{path}?{query}" if query else path
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        signed = self._signer.headers(request.method, self._endpoint.host_header, path, query)
        for headers in (signed, request.headers):
            for name, value in headers.items():
                connection.putheader(name, value)
        if request.body is None:
            connection.endheaders()
            return connection.getresponse()
        connection.putheader("content-length", str(request.body.size_bytes))
        try:
            request.body.send_to(connection)
        except (BrokenPipeError, ConnectionResetError):
            return self._early_answer(connection)
        return connection.getresponse()

    def _early_answer(self, connection: HTTPConnection) -> HTTPResponse:
        """A store that refuses before it has read everything hangs up; its answer may still be there."""
        response = connection.getresponse()
        if response.status in _SUCCESS:
            raise ConnectionResetError("the store hung up before it had everything")
        return response

    def _connect(self) -> HTTPConnection:
        connection = _new_connection(self._endpoint)
        connection.auto_open = 0  # or else it would connect again by itself, with the wrong timeout
        try:
            connection.connect()
        except OSError:
            connection.close()
            raise
        connection.sock.settimeout(SILENCE_TIMEOUT_SECONDS)
        self._connection = connection
        return connection


def _accepted(response: HTTPResponse, read: Callable[[HTTPResponse], T]) -> T:
    if response.status not in _SUCCESS:
        raise refusal_of(response.status, response.read(_ERROR_BODY_BYTES))
    return read(response)


def _new_connection(endpoint: Endpoint) -> HTTPConnection:
    if not endpoint.is_tls:
        return HTTPConnection(endpoint.host, endpoint.port, timeout=CONNECT_TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    return HTTPSConnection(endpoint.host, endpoint.port, timeout=CONNECT_TIMEOUT_SECONDS, context=context)
