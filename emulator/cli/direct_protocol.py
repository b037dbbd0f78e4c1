"""uvicorn's HTTP protocol with a shorter way for the requests that come most: whole and small, for one door.

uvicorn makes a task, a scope and several messages of each request, which together cost more than a Describe itself.
Here a request that fits is handed to the door as it is, and its reply written as it is. uvicorn's parser reads all
requests; all others, and all that come while one is being answered, go uvicorn's way.
"""

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from emulator.aws.reply import Reply

LARGEST_BODY_BYTES: Final = 32 * 1024
"""Below the size at which uvicorn stops reading until somebody asks for more."""

LARGEST_HEAD_BYTES: Final = 64 * 1024
"""A head that came in several pieces may be that long. Several times what any AWS service takes."""

_LONGER_WAY: Final = frozenset({b"expect", b"transfer-encoding"})
"""Headers of requests that do not come as a whole."""

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Door(Protocol):
    """Whoever serves whole requests: a POST to `/`."""

    def takes_whole(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request with these headers, lower-case and each there once, is to be brought here."""
        ...

    def serve_whole(self, headers: Mapping[bytes, bytes], body: bytes, answer: Callable[[str, Reply], None]) -> None:
        """Serve a request; `answer` gets its id and the reply, now or later, in the event loop."""
        ...


class _NobodyWaits:
    """Where uvicorn's protocol would wake the task of a request; here is none."""

    def set(self) -> None:
        """See the class."""


class _DirectCycle:
    """A request that goes the shorter way: all that uvicorn's protocol looks at in a cycle of its own."""

    __slots__ = ("body", "disconnected", "door", "headers", "keep_alive", "more_body", "response_complete")
    message_event: Final = _NobodyWaits()

    def __init__(self, door: Door, headers: Mapping[bytes, bytes]) -> None:
        self.door = door
        self.headers = headers
        self.body = b""
        self.more_body = True
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False


def direct_protocol(door: Door | None) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with the shorter way to `door`; without one, only with a bound on the head of a request."""

    class DirectProtocol(_DirectProtocol):
        door_of_all = door

    return DirectProtocol


class _DirectProtocol(HttpToolsProtocol):
    door_of_all: Door | None
    head_bytes: int | None = None
    """How much of a head has come that is not complete yet; None when none is awaited."""

    answering: RequestResponseCycle | None = None
    """The request on uvicorn's way whose turn it is; `cycle` is the last that came."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.answering = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered, too: uvicorn tells only the last that came."""
        if self.answering is not None and not self.answering.response_complete:
            self.answering.disconnected = True
            self.answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuse a head that does not end."""
        super().data_received(data)
        if self.head_bytes is not None:
            self.head_bytes += len(data)
            if self.head_bytes > LARGEST_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Leave out the scope, which only uvicorn's way needs."""
        self._unset_keepalive_if_required()  # this one may have come together with one that is answered
        self.url = b""
        self.headers = []
        self.head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header; what it means is looked at when all are there."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Choose the way."""
        self.head_bytes = None
        cycle = self._direct_cycle()
        if cycle is None:
            self._go_uvicorns_way()
        else:
            self.cycle = cast(RequestResponseCycle, cycle)

    def _go_uvicorns_way(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def _direct_cycle(self) -> _DirectCycle | None:
        door = self.door_of_all
        if door is None or self.url != b"/" or self.flow.write_paused or self._is_answering():
            return None
        parser: Any = self.parser
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return None
        headers = dict(self.headers)
        if len(headers) != len(self.headers) or not headers.keys().isdisjoint(_LONGER_WAY) or parser.should_upgrade():
            return None
        if int(headers.get(b"content-length", b"0")) > LARGEST_BODY_BYTES:
            return None
        return _DirectCycle(door, headers) if door.takes_whole(headers) else None

    def _is_answering(self) -> bool:
        """What comes now waits for what came before."""
        before = cast("RequestResponseCycle | None", self.cycle)
        return before is not None and not before.response_complete

    def on_message_complete(self) -> None:
        """Serve a request that is there as a whole."""
        cycle: object = self.cycle
        if isinstance(cycle, _DirectCycle):
            cycle.door.serve_whole(cycle.headers, cycle.body, partial(self._answer, cycle))
        else:
            super().on_message_complete()

    def _answer(self, cycle: _DirectCycle, request_id: str, reply: Reply) -> None:
        cycle.response_complete = True
        if self.transport.is_closing():
            return
        end = "" if cycle.keep_alive else "connection: close\r\n"
        head = [
            _STATUS_LINES[reply.status],
            *(b"%s: %s\r\n" % header for header in self.server_state.default_headers),
            *(b"%s: %s\r\n" % header for header in reply.headers),
            f"content-type: {reply.media_type}\r\ncontent-length: {len(reply.body)}\r\n"
            f"x-amzn-requestid: {request_id}\r\n{end}\r\n".encode(),
            reply.body,
        ]
        self.transport.write(b"".join(head))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()
