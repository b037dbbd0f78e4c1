"""One connection to the store: what is asked again, what is given up, and in which words."""

import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest
from processing_emulator.adapters.s3_store.files import BytesBody
from processing_emulator.adapters.s3_store.lane import Endpoint, Lane, Request, RetryPolicy, endpoint_of
from processing_emulator.adapters.s3_store.signing import Credentials, Signer
from processing_emulator.errors import Cancelled, ObjectStoreRefused, ObjectStoreUnreachable

from tests.stub_store import Answer, Received, StubStore, http, in_turn, s3_error, stub_store
from tests.waiting import wait_for

GET = Request(operation="GetObject", about="s3://b/k", method="GET", bucket="b", key="k")
QUICK = RetryPolicy(attempts=3, first_wait_seconds=0.01)


def read_all(response: HTTPResponse) -> bytes:
    return response.read()


def a_lane(endpoint: str, retry: RetryPolicy = QUICK) -> Lane:
    signer = Signer(Credentials(access_key="a", secret_key="b"), "us-east-1")
    return Lane(endpoint_of(endpoint), signer, retry)


class Way:
    """A lane to a stub."""

    def __init__(self, lane: Lane, stub: StubStore) -> None:
        self.lane = lane
        self.stub = stub

    def get(self) -> bytes:
        return self.lane.perform(GET, read_all)


@pytest.fixture
def ways() -> Iterator[list[Way]]:
    made: list[Way] = []
    yield made
    for way in made:
        way.lane.close()
        way.stub.close()


def way_to(ways: list[Way], answer: Answer, retry: RetryPolicy = QUICK) -> Way:
    stub = StubStore(answer)
    ways.append(Way(a_lane(stub.endpoint, retry), stub))
    return ways[-1]


def test_connection_is_used_again(ways: list[Way]) -> None:
    way = way_to(ways, in_turn(http(200, b"one"), http(200, b"two"), http(404)))
    assert [way.get(), way.get()] == [b"one", b"two"]
    assert {request.connection for request in way.stub.received} == {1}


@pytest.mark.parametrize(
    "first", [s3_error(503, "SlowDown"), s3_error(500, "InternalError"), http(502), http(429), b""]
)
def test_busy_or_broken_is_asked_again(ways: list[Way], first: bytes) -> None:
    way = way_to(ways, in_turn(first, first, http(200, b"here")))
    assert way.get() == b"here"
    assert len(way.stub.received) == 3


def test_body_that_ends_early_is_asked_again(ways: list[Way]) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(http(200, b"complete")[: -4 if request.number == 0 else None])
        if request.number == 0:
            raise ConnectionAbortedError

    way = way_to(ways, answer)
    assert way.get() == b"complete"
    assert len(way.stub.received) == 2


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NoSuchKey"), (400, "InvalidRequest")])
def test_plain_no_is_not_asked_again(ways: list[Way], status: int, code: str) -> None:
    way = way_to(ways, in_turn(s3_error(status, code, "We are sorry &amp; closed")))
    with pytest.raises(ObjectStoreRefused) as caught:
        way.get()
    assert str(caught.value) == f"GetObject failed for s3://b/k: {code} ({status}): We are sorry & closed"
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(way.stub.received) == 1


def test_store_that_stays_busy_is_refused_after_the_last_attempt(ways: list[Way]) -> None:
    way = way_to(ways, in_turn(s3_error(503, "SlowDown", "Reduce your rate")))
    with pytest.raises(ObjectStoreRefused, match=r"SlowDown \(503\): Reduce your rate"):
        way.get()
    assert len(way.stub.received) == QUICK.attempts


def test_answer_that_is_not_s3s_is_told_in_https_words(ways: list[Way]) -> None:
    way = way_to(ways, in_turn(http(403, b"<html>no</html>")))
    with pytest.raises(ObjectStoreRefused, match=r"Forbidden \(403\): Forbidden"):
        way.get()


def test_store_that_is_away_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        host = f"127.0.0.1:{nobody.getsockname()[1]}"
    with pytest.raises(ObjectStoreUnreachable) as caught:
        a_lane(f"http://{host}").perform(GET, read_all)
    sentence = f"GetObject failed for s3://b/k: Unable to execute request to S3 at {host}: Connection refused"
    assert str(caught.value) == sentence


def test_what_is_no_http_is_unreachable(ways: list[Way]) -> None:
    way = way_to(ways, in_turn(b"220 smtp ready\r\n\r\n"))
    with pytest.raises(ObjectStoreUnreachable, match="Unable to execute request to S3"):
        way.get()


def test_connection_that_was_ended_while_idle_costs_no_attempt(ways: list[Way]) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(http(200, b"here"))
        raise ConnectionAbortedError  # after each answer, without having said so

    way = way_to(ways, answer, RetryPolicy(attempts=1))
    assert way.get() == b"here"
    wait_for("the stub to hang up", lambda: way.stub.open_connections == 0)
    assert way.get() == b"here"


def test_store_that_says_close_is_given_a_new_connection(ways: list[Way]) -> None:
    way = way_to(ways, in_turn(http(200, b"one", Connection="close"), http(200, b"two")), RetryPolicy(attempts=1))
    assert [way.get(), way.get()] == [b"one", b"two"]
    assert [request.connection for request in way.stub.received] == [1, 2]


def test_refusal_before_the_body_was_read_is_told() -> None:
    """A store may answer and hang up while we still send."""

    def refuse(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(s3_error(403, "AccessDenied"))  # and close, with most of the body unread

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        lane = a_lane(f"http://127.0.0.1:{listener.getsockname()[1]}")
        put = Request(
            operation="PutObject", about="s3://b/k", method="PUT", bucket="b", key="k", body=BytesBody(b"x" * (8 << 20))
        )
        with pytest.raises(ObjectStoreRefused, match=r"AccessDenied \(403\)"):
            lane.perform(put, read_all)
        lane.close()
        thread.join(10)


def test_wait_before_another_attempt_ends_when_told_to_stop(ways: list[Way]) -> None:
    way = way_to(ways, in_turn(s3_error(503, "SlowDown")), RetryPolicy(attempts=3, first_wait_seconds=3600))

    def stop() -> None:
        wait_for("a request", lambda: way.stub.received)
        way.lane.stopped.set()

    threading.Thread(target=stop).start()
    with pytest.raises(Cancelled):
        way.get()
    assert len(way.stub.received) == 1


def test_abort_ends_a_request_that_hangs(ways: list[Way]) -> None:
    held = threading.Event()

    def hang(request: Received, connection: socket.socket) -> None:
        held.wait(30)

    way = way_to(ways, hang, RetryPolicy(attempts=1))

    def abort() -> None:
        wait_for("a request", lambda: way.stub.received)
        way.lane.stopped.set()
        way.lane.abort()

    threading.Thread(target=abort).start()
    with pytest.raises((Cancelled, ObjectStoreUnreachable)):
        way.get()
    held.set()


def test_waits_double() -> None:
    policy = RetryPolicy()
    assert [policy.wait_seconds(n) for n in range(policy.attempts - 1)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])


@pytest.mark.parametrize(
    ("url", "endpoint", "host_header"),
    [
        ("http://127.0.0.1:9000", Endpoint(host="127.0.0.1", port=9000, is_tls=False), "127.0.0.1:9000"),
        ("http://store/", Endpoint(host="store", port=80, is_tls=False), "store"),
        (
            "https://s3.eu-west-3.amazonaws.com",
            Endpoint(host="s3.eu-west-3.amazonaws.com", port=443, is_tls=True),
            None,
        ),
        ("http://[::1]:80", Endpoint(host="::1", port=80, is_tls=False), "[::1]"),
    ],
)
def test_endpoint_is_read(url: str, endpoint: Endpoint, host_header: str | None) -> None:
    assert endpoint_of(url) == endpoint
    assert endpoint.host_header == (host_header or endpoint.host)


@pytest.mark.parametrize("url", ["store:9000", "ftp://store", "http://", "http://store/path", ""])
def test_what_is_no_endpoint_is_said(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of an S3 endpoint"):
        endpoint_of(url)


def test_path_and_query_are_sent_as_signed() -> None:
    with stub_store(in_turn(http(200))) as stub:
        lane = a_lane(stub.endpoint)
        lane.perform(
            Request(
                operation="GetObject",
                about="",
                method="GET",
                bucket="b",
                key="a//../ü +",
                query=[("x", "1/2"), ("a", "")],
            ),
            read_all,
        )
        lane.close()
        (received,) = stub.received
        assert received.line == b"GET /b/a//../%C3%BC%20%2B?a=&x=1%2F2 HTTP/1.1"
        assert received.header(b"accept-encoding") is None
        assert received.header(b"host") == stub.endpoint.removeprefix("http://").encode()
