"""The shorter way answers as uvicorn's would, keeps the order of a connection, and leaves the rest to uvicorn."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
import uvicorn
from processing_emulator.aws.http.reply import Reply
from processing_emulator.server.direct_protocol import LARGEST_BODY_BYTES, LARGEST_HEAD_BYTES, direct_protocol
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.waiting import wait_for

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: T\r\nContent-Length: %d\r\n"
TIMEOUT_SECONDS = 20.0
KEEP_ALIVE_SECONDS = 1


class ScriptedDoor:
    """Takes what has a target; answers with the body that came, at once or when it is told to."""

    def __init__(self) -> None:
        self.holds = False
        self.holds_after: int | None = None
        self.served: list[tuple[Mapping[bytes, bytes], bytes]] = []
        self._held: list[Callable[[], None]] = []

    def takes_whole(self, headers: Mapping[bytes, bytes]) -> bool:
        """See the protocol."""
        return b"x-amz-target" in headers

    def serve_whole(self, headers: Mapping[bytes, bytes], body: bytes, answer: Callable[[str, Reply], None]) -> None:
        """See the protocol."""
        self.served.append((headers, body))
        reply = Reply(status=201, body=b"door:" + body, media_type="text/x", headers=((b"x-more", b"1"),))
        if self.holds or (self.holds_after is not None and len(self.served) > self.holds_after):
            self._held.append(lambda: answer("id-1", reply))
        else:
            answer("id-1", reply)

    def let_go(self, server: "ServerThread") -> None:
        """Answer what is held, in the event loop."""
        held, self._held = self._held, []
        for answer in held:
            server.call(answer)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """uvicorn's way: answers with the path and the body that came."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = b"asgi:%s:%s:%d" % (scope["path"].encode(), body[:20], len(scope["headers"]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
    await send({"type": "http.response.body", "body": told})


class EndlessApp:
    """uvicorn's way: an answer that goes on until the client is gone; `waits` at first, until that is so."""

    def __init__(self, *, waits: bool = False) -> None:
        self.begun = 0
        self.ended = 0
        self._waits = waits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        self.begun += 1
        gone = asyncio.create_task(self._hang_up(receive))
        if self._waits:
            await gone
        await send({"type": "http.response.start", "status": 200, "headers": [(b"transfer-encoding", b"chunked")]})
        while not gone.done():
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body"})
        self.ended += 1

    async def _hang_up(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


class ServerThread:
    """uvicorn with the protocol, on a free port."""

    def __init__(self, door: ScriptedDoor, app: ASGIApp = echo) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(16)
        self.address = self._listener.getsockname()
        config = uvicorn.Config(
            app,
            http=direct_protocol(door),
            lifespan="off",
            log_config=None,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=10,
        )
        self._uvicorn = _Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [self._listener]})
        self._thread.start()
        wait_for("the server to start", lambda: self._uvicorn.started or None)

    @property
    def connections(self) -> set[Any]:
        return self._uvicorn.server_state.connections

    def call(self, function: Callable[[], None]) -> None:
        self._uvicorn.loop.call_soon_threadsafe(function)

    def begin_to_end(self) -> None:
        self._uvicorn.should_exit = True

    def end(self) -> None:
        self.begin_to_end()
        self._thread.join(TIMEOUT_SECONDS)
        self._listener.close()
        assert not self._thread.is_alive()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, TIMEOUT_SECONDS)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)


@pytest.fixture
def door() -> ScriptedDoor:
    return ScriptedDoor()


@pytest.fixture
def server(door: ScriptedDoor) -> Iterator[ServerThread]:
    made = ServerThread(door)
    try:
        yield made
    finally:
        door.let_go(made)
        made.end()


def request(body: bytes = b"x", more: bytes = b"") -> bytes:
    return HEAD % len(body) + more + b"\r\n" + body


def read_reply(client: socket.socket) -> tuple[HTTPResponse, bytes]:
    """One reply, and nothing of the next."""
    reply = HTTPResponse(client, method="POST")
    reply.begin()
    return reply, reply.read()


def replies_in(client: socket.socket, count: int) -> list[bytes]:
    """The bodies of replies that come one behind the other."""
    received = b""

    def bodies() -> list[bytes] | None:
        nonlocal received
        found, rest = [], received
        while b"\r\n\r\n" in rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(rest) < length:
                break
            found.append(rest[:length])
            rest = rest[length:]
        if len(found) == count:
            return found
        received += client.recv(65536)
        return None

    return wait_for(f"{count} replies", bodies)


def test_whole_request_is_answered_by_the_door_and_the_connection_goes_on(
    server: ServerThread, door: ScriptedDoor
) -> None:
    connection = HTTPConnection(server.address[0], server.address[1], timeout=TIMEOUT_SECONDS)
    for body in (b"one", b"", b"three"):
        connection.request("POST", "/", body, {"X-Amz-Target": "T", "X-Other": "Value"})
        reply = connection.getresponse()
        assert (reply.status, reply.reason, reply.read()) == (201, "Created", b"door:" + body)
        assert reply.headers["content-type"] == "text/x"
        assert reply.headers["x-amzn-requestid"] == "id-1"
        assert reply.headers["x-more"] == "1"
        assert reply.headers["date"].endswith("GMT")
        assert reply.headers["connection"] is None
    connection.close()
    assert [body for _, body in door.served] == [b"one", b"", b"three"]
    assert door.served[0][0][b"x-other"] == b"Value"


def test_request_that_comes_byte_by_byte_is_served_once(server: ServerThread, door: ScriptedDoor) -> None:
    with server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(b"hello"):
            client.sendall(bytes([byte]))
        assert read_reply(client)[1] == b"door:hello"
    assert [body for _, body in door.served] == [b"hello"]


LONG = b"y" * (LARGEST_BODY_BYTES + 1)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"POST /other HTTP/1.1\r\nHost: l\r\nX-Amz-Target: T\r\nContent-Length: 2\r\n\r\nab", b"asgi:/other:ab:3"),
        (b"POST /?q=1 HTTP/1.1\r\nHost: l\r\nX-Amz-Target: T\r\nContent-Length: 2\r\n\r\nab", b"asgi:/:ab:3"),
        (b"PUT / HTTP/1.1\r\nHost: l\r\nX-Amz-Target: T\r\nContent-Length: 2\r\n\r\nab", b"asgi:/:ab:3"),
        (b"POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 2\r\n\r\nab", b"asgi:/:ab:2"),
        (b"POST / HTTP/1.0\r\nHost: l\r\nX-Amz-Target: T\r\nContent-Length: 2\r\n\r\nab", b"asgi:/:ab:3"),
        (
            b"POST / HTTP/1.0\r\nX-Amz-Target: T\r\nProxy-Connection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
            b"asgi:/:ab:3",
        ),
        (
            b"POST / HTTP/1.0\r\nHost: l\r\nX-Amz-Target: T\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
            b"asgi:/:ab:4",
        ),
        (request(b"ab", b"Connection: close\r\n"), b"asgi:/:ab:4"),
        (request(b"ab", b"Connection: upgrade\r\nUpgrade: h2c\r\n"), b"asgi:/::5"),
        (request(b"ab", b"X-Amz-Target: U\r\n"), b"asgi:/:ab:4"),
        (request(LONG), b"asgi:/:" + LONG[:20] + b":3"),
        (
            b"POST / HTTP/1.1\r\nHost: l\r\nX-Amz-Target: T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            b"asgi:/:ab:3",
        ),
    ],
    ids=[
        "path",
        "query",
        "method",
        "not the door's",
        "HTTP/1.0",
        "HTTP/1.0 kept alive for a proxy",
        "HTTP/1.0 kept alive",
        "close",
        "upgrade",
        "twice",
        "long",
        "chunked",
    ],
)
def test_everything_else_goes_uvicorns_way(server: ServerThread, door: ScriptedDoor, sent: bytes, told: bytes) -> None:
    with server.connect() as client:
        client.sendall(sent)
        assert read_reply(client)[1] == told
    assert door.served == []


def test_client_that_says_it_keeps_the_connection_is_answered_by_the_door(server: ServerThread) -> None:
    with server.connect() as client:
        for body in (b"1", b"2"):
            client.sendall(request(body, b"Connection: Keep-Alive\r\n"))
            assert read_reply(client)[1] == b"door:" + body


def test_nothing_of_a_request_is_left_to_the_next(server: ServerThread, door: ScriptedDoor) -> None:
    with server.connect() as client:
        client.sendall(request(b"first", b"X-First: 1\r\n"))
        assert read_reply(client)[1] == b"door:first"
        client.sendall(b"GET /between HTTP/1.1\r\nHost: l\r\n\r\n")
        assert read_reply(client)[1] == b"asgi:/between::1"
        client.sendall(request(b"") + request(b"pipelined"))
        assert replies_in(client, 2) == [b"door:", b"door:pipelined"]
    assert [set(headers) - {b"host", b"x-amz-target", b"content-length"} for headers, _ in door.served] == [
        {b"x-first"},
        set(),
        set(),
    ]


def test_client_that_wants_to_be_asked_for_the_body_is_asked(server: ServerThread) -> None:
    with server.connect() as client:
        client.sendall(HEAD % 2 + b"Expect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"ab")
        assert read_reply(client)[1] == b"asgi:/:ab:4"


def test_what_is_not_http_is_refused(server: ServerThread) -> None:
    with server.connect() as client:
        client.sendall(request(b"ab")[:-4] + b"\x00\r\n\r\n")
        assert read_reply(client)[0].status == 400


def test_requests_sent_ahead_are_answered_in_their_order(server: ServerThread, door: ScriptedDoor) -> None:
    door.holds = True
    with server.connect() as client:
        client.sendall(request(b"1") + request(b"2") + b"GET /3 HTTP/1.1\r\nHost: l\r\n\r\n")
        wait_for("the first to be served", lambda: door.served or None)
        client.sendall(request(b"4"))
        door.let_go(server)
        bodies = replies_in(client, 4)
    assert [body.rpartition(b":")[0] or body for body in bodies] == [b"door", b"asgi:/:2", b"asgi:/3:", b"asgi:/:4"]


def test_request_behind_one_on_uvicorns_way_waits_for_it(server: ServerThread) -> None:
    with server.connect() as client:
        client.sendall(b"GET /1 HTTP/1.1\r\nHost: l\r\n\r\n" + request(b"2"))
        assert replies_in(client, 2)[0] == b"asgi:/1::1"
        client.sendall(request(b"3"))
        assert read_reply(client)[1] == b"door:3"


@pytest.mark.parametrize("together", [True, False])
def test_request_behind_one_that_was_answered_is_given_its_time(
    server: ServerThread, door: ScriptedDoor, *, together: bool
) -> None:
    door.holds_after = 1
    with server.connect() as client:
        client.sendall(request(b"1") + (request(b"2") if together else b""))
        assert replies_in(client, 1) == [b"door:1"]
        if not together:
            client.sendall(request(b"2"))
        client.settimeout(2 * KEEP_ALIVE_SECONDS)
        with pytest.raises(TimeoutError):  # neither an answer nor the end
            client.recv(1)
        client.settimeout(TIMEOUT_SECONDS)
        door.let_go(server)
        assert replies_in(client, 1) == [b"door:2"]
        assert client.recv(10) == b""


@pytest.mark.parametrize("piece", [b"x" * 1000, b"X-A: b\r\n" * 100], ids=["one header", "many headers"])
def test_head_that_does_not_end_is_refused(server: ServerThread, piece: bytes) -> None:
    with server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: l\r\nX-More: ")
        reply = b""
        client.settimeout(0.001)
        for _ in range(2 * LARGEST_HEAD_BYTES // len(piece)):
            try:
                client.sendall(piece)
                reply = reply or client.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                break
        assert reply.startswith(b"HTTP/1.1 400") or not reply
    with server.connect() as other:
        other.sendall(request(b"still"))
        assert read_reply(other)[1] == b"door:still"


def test_client_that_hangs_up_before_its_answer_disturbs_nobody(server: ServerThread, door: ScriptedDoor) -> None:
    door.holds = True
    client = server.connect()
    client.sendall(request(b"gone"))
    wait_for("it to be served", lambda: door.served or None)
    client.close()
    door.holds = False
    with server.connect() as other:
        other.sendall(request(b"there"))
        assert read_reply(other)[1] == b"door:there"
        door.let_go(server)
        other.sendall(request(b"still"))
        assert read_reply(other)[1] == b"door:still"


GET = b"GET /slow HTTP/1.1\r\nHost: l\r\n\r\n"


@pytest.mark.parametrize("behind", [b"", GET, request(b"x")], ids=["nothing", "a request", "one for the door"])
def test_request_that_is_being_answered_learns_that_its_client_is_gone(
    door: ScriptedDoor, behind: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    app = EndlessApp()
    server = ServerThread(door, app)
    try:
        with server.connect() as client:
            client.sendall(GET + behind)
            assert client.recv(10)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # the end is a reset
        wait_for("it to learn that", lambda: app.ended or None)
    finally:
        server.end()
    assert (app.begun, app.ended) == (1, 1)
    assert errors_in(caplog) == []


def test_answer_to_a_client_that_went_on_with_no_http_is_dropped(
    door: ScriptedDoor, caplog: pytest.LogCaptureFixture
) -> None:
    app = EndlessApp(waits=True)
    server = ServerThread(door, app)
    try:
        with server.connect() as client:
            client.sendall(GET)
            wait_for("it to be served", lambda: app.begun or None)
            client.sendall(b"\x00\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400")
            wait_for("it to end", lambda: app.ended or None)
    finally:
        server.end()
    assert errors_in(caplog) == []


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


def test_what_is_being_served_is_answered_before_the_server_ends(server: ServerThread, door: ScriptedDoor) -> None:
    door.holds = True
    with server.connect() as client:
        client.sendall(request(b"last"))
        wait_for("it to be served", lambda: door.served or None)
        server.begin_to_end()
        with pytest.raises(OSError):  # noqa: PT011  # whatever the system says of a port where nobody listens
            wait_for("nobody to be let in", lambda: server.connect().close())
        door.let_go(server)
        reply, body = read_reply(client)
        assert (body, reply.headers["connection"]) == (b"door:last", "close")
        assert client.recv(10) == b""


def test_many_requests_at_once_are_answered_though_the_last_is_not_complete(server: ServerThread) -> None:
    body, last = b"x" * 100, request(b"last")
    count = 2 * LARGEST_HEAD_BYTES // len(request(body))
    with server.connect() as client:
        client.sendall(request(body) * count + last[:20])
        assert len(replies_in(client, count)) == count
        client.sendall(last[20:])
        assert read_reply(client)[1] == b"door:last"


def test_trailers_mean_nothing(server: ServerThread, door: ScriptedDoor) -> None:
    with server.connect() as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n")
        client.sendall(b"X-Trailer: t\r\n" * 3 + b"\r\n")
        assert read_reply(client)[1] == b"asgi:/:ab:2"
        client.sendall(request(b"next"))
        assert read_reply(client)[1] == b"door:next"
    assert b"x-trailer" not in door.served[0][0]


@pytest.mark.parametrize("before", [request(b"x"), GET, request(b"x") + GET, GET + request(b"x")])
def test_connection_that_is_not_used_is_closed(server: ServerThread, before: bytes) -> None:
    with server.connect() as client:
        client.sendall(before)
        replies_in(client, before.count(b"HTTP/1.1"))
        assert client.recv(10) == b""


@pytest.mark.parametrize("last", [request(b"x"), GET], ids=["the door's", "uvicorn's"])
def test_connection_is_closed_only_when_it_was_not_used_for_the_whole_time(server: ServerThread, last: bytes) -> None:
    begun = time.monotonic()
    with server.connect() as client:
        while time.monotonic() < begun + 1.5 * KEEP_ALIVE_SECONDS:
            client.sendall(request(b"x"))
            assert replies_in(client, 1) == [b"door:x"]
        client.sendall(last)
        replies_in(client, 1)
        answered = time.monotonic()
        assert client.recv(10) == b""
        assert time.monotonic() - answered > 0.9 * KEEP_ALIVE_SECONDS


def test_client_that_is_gone_leaves_no_timer(server: ServerThread, door: ScriptedDoor) -> None:
    with server.connect() as client:
        client.sendall(request(b"x"))
        assert read_reply(client)[1] == b"door:x"
        (connection,) = server.connections
        assert connection.idle_watch is not None
    wait_for("the server to see that", lambda: not server.connections or None)
    assert connection.idle_watch is None
