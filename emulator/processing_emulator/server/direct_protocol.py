"""uvicorn's HTTP protocol with a shorter way for the requests that come most: whole and small, for one door.

uvicorn makes a task, a scope and several messages of each request, which together cost more than a Describe itself.
Here a request that fits is handed to the door as it is, and its reply written as it is. uvicorn's parser reads all
requests; all others, and all that come while one is being answered, go uvicorn's way.

All here that runs for each request is written for speed: the event loop's Python is what bounds the requests a second.
"""

from asyncio import TimerHandle
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from processing_emulator.aws.http.reply import Reply
from processing_emulator.server.beginnings import Beginnings

LARGEST_BODY_BYTES: Final = 32 * 1024
"""Below the size at which uvicorn stops reading until somebody asks for more."""

LARGEST_HEAD_BYTES: Final = 64 * 1024
"""A head that came in several pieces may be that long. Several times what any AWS service takes."""

_LONGER_WAY: Final = frozenset({b"expect", b"transfer-encoding", b"proxy-connection"})
"""Headers of requests that do not come as a whole, and one that the parser takes for `Connection`."""


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
    """The request that goes the shorter way: all that uvicorn's protocol looks at in a cycle of its own.

    A connection has one for all of them, because the next begins only when the last is answered.
    """

    __slots__ = ("body", "disconnected", "headers", "keep_alive", "response_complete")
    message_event: Final = _NobodyWaits()

    def __init__(self) -> None:
        self.headers: Mapping[bytes, bytes] = {}
        self.body = b""
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = True


def direct_protocol(door: Door | None) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with the shorter way to `door`; without one, only with a bound on the head of a request."""

    class DirectProtocol(_DirectProtocol):
        __slots__ = ()
        door_of_all = door
        beginnings = Beginnings()

    return DirectProtocol


class _DirectProtocol(HttpToolsProtocol):
    __slots__ = ("answering", "came", "direct", "head_bytes", "idle_since", "idle_watch", "piece_bytes")  # for speed
    door_of_all: Door | None
    beginnings: Beginnings
    cycle: Any
    """The last request that came, uvicorn's or ours."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.direct = self.cycle = _DirectCycle()
        self.came: list[tuple[bytes, bytes]] = []
        """The headers of a head that is not complete yet."""
        self.head_bytes: int | None = None
        """How much has come of a head that is not complete yet, after the piece it began in; None without one."""
        self.piece_bytes = 0
        """How much came last, at once."""
        self.answering: RequestResponseCycle | None = None
        """The request on uvicorn's way that is being answered; `cycle` is the last that came."""
        self.idle_since: float | None = None
        """The loop's time at the last answer of the shorter way; None when something has come since."""
        self.idle_watch: TimerHandle | None = None
        """Looks at `idle_since` now and then: uvicorn's own timer is set and cancelled for each request."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """The next request that waits, if there is one."""
        self.answering = None
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered, too: uvicorn tells only the last that came."""
        if self.idle_watch is not None:
            self.idle_watch.cancel()
            self.idle_watch = None
        if self.answering is not None:
            self.answering.disconnected = True
            self.answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuse a head that does not end."""
        self.idle_since = None
        self.piece_bytes = len(data)
        HttpToolsProtocol.data_received(self, data)  # super() would make an object for each request
        if self.head_bytes is not None:
            self.head_bytes += len(data)
            if self.head_bytes > LARGEST_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Leave out the scope, which only uvicorn's way needs."""
        self.idle_since = None  # this one may have come together with one that is answered
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self.url = b""
        self.came.clear()
        self.head_bytes = -self.piece_bytes  # other requests may have come with it

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header; what it means is looked at when all are there. Trailers of a body mean nothing."""
        if self.head_bytes is not None:
            self.came.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Choose the way."""
        self.head_bytes = None
        headers = self._headers_for_the_door()
        if headers is None:
            self._go_uvicorns_way()
        else:
            direct = self.direct
            direct.headers = headers
            direct.response_complete = False
            self.cycle = direct

    def _go_uvicorns_way(self) -> None:
        url = self.url
        super().on_message_begin()
        self.url = url
        for name, value in self.came:
            super().on_header(name, value)
        super().on_headers_complete()

    def _headers_for_the_door(self) -> Mapping[bytes, bytes] | None:
        """The headers of a request that goes the shorter way; None for one that does not."""
        door = self.door_of_all
        if not self.cycle.response_complete or self.url != b"/" or self.flow.write_paused:
            return None
        parser: Any = self.parser
        if door is None or parser.get_method() != b"POST" or not parser.should_keep_alive():
            return None
        headers = dict(self.came)
        if len(headers) != len(self.came) or not headers.keys().isdisjoint(_LONGER_WAY) or parser.should_upgrade():
            return None
        if b"connection" in headers and parser.get_http_version() != "1.1":  # without it, only 1.1 is kept alive
            return None
        if int(headers.get(b"content-length", b"0")) > LARGEST_BODY_BYTES:
            return None
        return headers if door.takes_whole(headers) else None

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if self.cycle is self.direct:
            self.direct.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Serve a request that is there as a whole."""
        direct, door = self.direct, self.door_of_all
        if door is None or self.cycle is not direct:
            super().on_message_complete()
            return
        body, direct.body = direct.body, b""
        door.serve_whole(direct.headers, body, self._answer)

    def _answer(self, request_id: str, reply: Reply) -> None:
        direct, transport = self.direct, self.transport
        direct.response_complete = True
        if transport.is_closing():
            return
        beginning = self.beginnings.of(reply.status, reply.media_type, self.server_state.default_headers)
        more = b"".join([b"%b: %b\r\n" % header for header in reply.headers]) if reply.headers else b""
        if not direct.keep_alive:
            more += b"connection: close\r\n"
        body = reply.body
        transport.write(
            b"%bcontent-length: %d\r\nx-amzn-requestid: %b\r\n%b\r\n%b"
            % (beginning, len(body), request_id.encode(), more, body)
        )
        if not direct.keep_alive:
            transport.close()
        if self.pipeline or self.flow.read_paused or not direct.keep_alive:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._begin_to_idle()

    def _begin_to_idle(self) -> None:
        self.idle_since = self.loop.time()
        if self.idle_watch is None:
            self.idle_watch = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def _close_if_idle(self) -> None:
        """Close a connection that has not been used for the whole time; look again later at one that has."""
        self.idle_watch = None
        if self.idle_since is None:
            return  # whoever answers what has come begins anew
        left = self.idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.idle_watch = self.loop.call_later(left, self._close_if_idle)
        else:
            self.timeout_keep_alive_handler()
