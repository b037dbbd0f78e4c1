"""A client that sends any bytes, and says what came back."""

import socket
from dataclasses import dataclass

ANSWER_SECONDS = 30.0

_STREAMS = (b"application/vnd.amazon.eventstream", b"text/event-stream")
"""Content types of answers that last until the client hangs up: Live Tail, and the feed of events."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`status` 0: the server hung up without a word."""

    status: int
    head: bytes = b""
    body: bytes = b""


class NoAnswer(Exception):
    """A request that must be answered was not, or what came is no HTTP."""


class Wire:
    """One connection, kept as long as both sides can; for one thread."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None

    def send(self, data: bytes, *, whole: bool, is_head: bool = False) -> list[Answer]:
        """The answer, or all there are until the server hangs up if the request is not `whole`. Raises NoAnswer."""
        if not whole:
            self.close()
            return self._send_and_hang_up(data)
        fresh = self._socket is None
        try:
            return [self._exchange(data, is_head)]
        except (NoAnswer, OSError) as error:
            self.close()
            if fresh or isinstance(error, TimeoutError):
                raise NoAnswer(str(error) or type(error).__name__) from error
        try:  # the server may have closed the idle connection
            return [self._exchange(data, is_head)]
        except OSError as error:
            self.close()
            raise NoAnswer(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, ANSWER_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _exchange(self, data: bytes, is_head: bool) -> Answer:
        connection = self._connected()
        connection.sendall(data)
        buffer = b""
        while True:
            parsed = parse_answer(buffer, is_head=is_head, is_ended=False)
            if parsed is not None:
                answer, rest = parsed
                if answer.status == 100:
                    buffer = rest
                    continue
                if b"connection: close" in answer.head.lower() or rest:
                    self.close()
                return answer
            if _is_stream(buffer):
                return self._last_answer(buffer, is_head)
            received = connection.recv(256 * 1024)
            if not received:
                return self._last_answer(buffer, is_head)
            buffer += received

    def _last_answer(self, buffer: bytes, is_head: bool) -> Answer:
        """An answer whose body ends with the connection."""
        self.close()
        parsed = parse_answer(buffer, is_head=is_head, is_ended=True)
        if parsed is None:
            raise NoAnswer("the server hung up")
        return parsed[0]

    def _send_and_hang_up(self, data: bytes) -> list[Answer]:
        connection = self._connected()
        buffer = b""
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(256 * 1024):
                buffer += received
        except TimeoutError as error:
            raise NoAnswer("the server neither answers nor hangs up") from error
        except OSError:
            pass  # reset: it hung up with something unread
        finally:
            self.close()
        answers = []
        while (parsed := parse_answer(buffer, is_head=False, is_ended=True)) is not None:
            answer, buffer = parsed
            answers.append(answer)
        return answers or [Answer(status=0)]


def _is_stream(buffer: bytes) -> bool:
    head, found, _ = buffer.partition(b"\r\n\r\n")
    return bool(found) and any(b"\r\ncontent-type: " + kind in head.lower() for kind in _STREAMS)


def parse_answer(buffer: bytes, *, is_head: bool, is_ended: bool) -> tuple[Answer, bytes] | None:
    """The first answer in a buffer and what follows it; None when more must come. Raises NoAnswer."""
    head, found, rest = buffer.partition(b"\r\n\r\n")
    if not found:
        return None
    try:
        status = int(head.split(b" ", 2)[1])
    except (IndexError, ValueError) as error:
        raise NoAnswer(f"not HTTP: {head[:80]!r}") from error
    lower = head.lower()
    if is_head or status in (204, 304) or status < 200:
        return Answer(status=status, head=head), rest
    if b"\r\ntransfer-encoding: chunked" in lower:
        body, end, rest = rest.partition(b"0\r\n\r\n")
        return (Answer(status=status, head=head, body=body), rest) if end or is_ended else None
    if b"\r\ncontent-length:" in lower:
        length = int(lower.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return None
        return Answer(status=status, head=head, body=rest[:length]), rest[length:]
    return (Answer(status=status, head=head, body=rest), b"") if is_ended else None
