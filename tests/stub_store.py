"""A scripted HTTP server on loopback that stands in for an S3 store and records the requests it receives."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request, as received."""

    number: int
    connection: int
    line: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header of that name, in lower case."""
        return next((value for found, value in self.headers if found == name), None)


Answer = Callable[[Received, socket.socket], None]
"""Writes the response to one request. Raising OSError, or closing the socket, ends the connection."""


class StubStore:
    """The server. `answer` is called in the thread of the connection."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._connections = 0
        self.received: list[Received] = []
        self._start(self._accept)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
                self._connections += 1
            self._start(self._serve, connection, self._connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as stream, suppress(OSError):
            while (request := self._read(stream, number)) is not None:
                self._answer(request, connection)
        with self._lock:
            self._open.discard(connection)

    def _read(self, stream: BinaryIO, connection: int) -> Received | None:
        line = stream.readline().rstrip(b"\r\n")
        if not line:
            return None
        headers = []
        while field := stream.readline().rstrip(b"\r\n"):
            name, _, value = field.partition(b":")
            headers.append((name.lower(), value.strip()))
        body = stream.read(int(dict(headers).get(b"content-length", b"0")))
        with self._lock:
            request = Received(
                number=len(self.received), connection=connection, line=line, headers=tuple(headers), body=body
            )
            self.received.append(request)
        return request


@contextmanager
def stub_store(answer: Answer) -> Iterator[StubStore]:
    """Run a stub while the block runs."""
    stub = StubStore(answer)
    try:
        yield stub
    finally:
        stub.close()


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP response as bytes."""
    fields = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + body


def s3_error(status: int, code: str, message: str = "said the stub") -> bytes:
    """An S3 error response."""
    return http(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())


def in_turn(*answers: bytes) -> Answer:
    """Respond with these in order, repeating the last one. An empty one closes the connection."""

    def answer(request: Received, connection: socket.socket) -> None:
        reply = answers[min(request.number, len(answers) - 1)]
        if not reply:
            raise ConnectionAbortedError
        connection.sendall(reply)

    return answer
