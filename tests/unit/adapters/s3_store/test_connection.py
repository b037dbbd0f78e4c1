"""One connection to the store: what it retries, when it gives up, and what its errors say."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse

import pytest

from processing_emulator.adapters.s3_store.abortable_connect import Dialler
from processing_emulator.adapters.s3_store.connection import Connection, Endpoint, Request, endpoint_of
from processing_emulator.adapters.s3_store.files import BytesBody
from processing_emulator.adapters.s3_store.retry import Attempts, OutageLog, RetryPolicy
from processing_emulator.adapters.s3_store.signing import Credentials, Signer
from processing_emulator.errors import Cancelled, ObjectStoreRefused, ObjectStoreUnreachable
from tests.stub_store import Answer, Received, StubStore, http, in_turn, s3_error, stub_store
from tests.waiting import wait_for

GET = Request(operation="GetObject", about="s3://b/k", method="GET", bucket="b", key="k")
QUICK = RetryPolicy(patience_seconds=0.2, first_wait_seconds=0.01)
LONG_WAIT = RetryPolicy(patience_seconds=7200, first_wait_seconds=3600, longest_wait_seconds=3600)
ONE_ATTEMPT = RetryPolicy(patience_seconds=0.0)


def read_all(response: HTTPResponse) -> bytes:
    return response.read()


def a_connection(endpoint: str, retry: RetryPolicy = QUICK) -> Connection:
    signer = Signer(Credentials(access_key="a", secret_key="b"), "us-east-1")
    return Connection(endpoint_of(endpoint), signer, retry)


class Client:
    """A connection to a stub."""

    def __init__(self, connection: Connection, stub: StubStore) -> None:
        self.connection = connection
        self.stub = stub

    def get(self) -> bytes:
        return self.connection.request(GET, read_all)


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    made: list[Client] = []
    yield made
    for client in made:
        client.connection.close()
        client.stub.close()


def client_of(clients: list[Client], answer: Answer, retry: RetryPolicy = QUICK) -> Client:
    stub = StubStore(answer)
    clients.append(Client(a_connection(stub.endpoint, retry), stub))
    return clients[-1]


def test_a_connection_is_reused(clients: list[Client]) -> None:
    client = client_of(clients, in_turn(http(200, b"one"), http(200, b"two"), http(404)))
    assert [client.get(), client.get()] == [b"one", b"two"]
    assert {request.connection for request in client.stub.received} == {1}


@pytest.mark.parametrize(
    "first", [s3_error(503, "SlowDown"), s3_error(500, "InternalError"), http(502), http(429), b""]
)
def test_a_busy_response_or_a_broken_connection_is_retried(clients: list[Client], first: bytes) -> None:
    client = client_of(clients, in_turn(first, first, http(200, b"here")))
    assert client.get() == b"here"
    assert len(client.stub.received) == 3


def test_a_body_that_ends_early_is_retried(clients: list[Client]) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(http(200, b"complete")[: -4 if request.number == 0 else None])
        if request.number == 0:
            raise ConnectionAbortedError

    client = client_of(clients, answer)
    assert client.get() == b"complete"
    assert len(client.stub.received) == 2


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NoSuchKey"), (400, "InvalidRequest")])
def test_a_refusal_is_not_retried(clients: list[Client], status: int, code: str) -> None:
    client = client_of(clients, in_turn(s3_error(status, code, "We are sorry &amp; closed")))
    with pytest.raises(ObjectStoreRefused) as caught:
        client.get()
    assert str(caught.value) == f"GetObject failed for s3://b/k: {code} ({status}): We are sorry & closed"
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(client.stub.received) == 1


def test_a_store_that_stays_busy_is_an_error_once_the_patience_is_over(clients: list[Client]) -> None:
    client = client_of(clients, in_turn(s3_error(503, "SlowDown", "Reduce your rate")))
    with pytest.raises(ObjectStoreRefused, match=r"SlowDown \(503\): Reduce your rate"):
        client.get()
    assert len(client.stub.received) > 3


def test_an_error_response_without_s3_xml_is_reported_with_its_http_status(clients: list[Client]) -> None:
    client = client_of(clients, in_turn(http(403, b"<html>no</html>")))
    with pytest.raises(ObjectStoreRefused, match=r"Forbidden \(403\): Forbidden"):
        client.get()


def test_a_store_that_does_not_listen_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        host = f"127.0.0.1:{nobody.getsockname()[1]}"
    with pytest.raises(ObjectStoreUnreachable) as caught:
        a_connection(f"http://{host}").request(GET, read_all)
    assert str(caught.value) == (
        f"GetObject failed for s3://b/k: Unable to execute request to S3 at {host}: Connection refused; "
        "tried for 0.2 s. Check that the store runs and can be reached from here"
    )


def test_a_server_that_does_not_speak_http_is_unreachable(clients: list[Client]) -> None:
    client = client_of(clients, in_turn(b"220 smtp ready\r\n\r\n"))
    with pytest.raises(ObjectStoreUnreachable, match="Unable to execute request to S3"):
        client.get()


def test_a_connection_closed_while_idle_does_not_count_as_an_attempt(clients: list[Client]) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(http(200, b"here"))
        raise ConnectionAbortedError  # after each answer, without having said so

    client = client_of(clients, answer, ONE_ATTEMPT)
    assert client.get() == b"here"
    wait_for("the stub to hang up", lambda: client.stub.open_connections == 0)
    assert client.get() == b"here"


def test_a_response_with_connection_close_is_followed_by_a_new_connection(clients: list[Client]) -> None:
    client = client_of(clients, in_turn(http(200, b"one", Connection="close"), http(200, b"two")), ONE_ATTEMPT)
    assert [client.get(), client.get()] == [b"one", b"two"]
    assert [request.connection for request in client.stub.received] == [1, 2]


def test_a_refusal_sent_before_the_body_was_read_is_reported() -> None:
    """A store may respond and close the connection while we are still sending."""

    def refuse(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(s3_error(403, "AccessDenied"))  # and close, with most of the body unread

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        connection = a_connection(f"http://127.0.0.1:{listener.getsockname()[1]}")
        put = Request(
            operation="PutObject", about="s3://b/k", method="PUT", bucket="b", key="k", body=BytesBody(b"x" * (8 << 20))
        )
        with pytest.raises(ObjectStoreRefused, match=r"AccessDenied \(403\)"):
            connection.request(put, read_all)
        connection.close()
        thread.join(10)


def test_stopping_ends_the_wait_before_the_next_attempt(clients: list[Client]) -> None:
    client = client_of(clients, in_turn(s3_error(503, "SlowDown")), LONG_WAIT)

    def stop() -> None:
        wait_for("a request", lambda: client.stub.received)
        client.connection.stopped.set()

    threading.Thread(target=stop).start()
    with pytest.raises(Cancelled):
        client.get()
    assert len(client.stub.received) == 1


def test_abort_ends_a_hanging_request(clients: list[Client]) -> None:
    held = threading.Event()

    def hang(request: Received, connection: socket.socket) -> None:
        held.wait(30)

    client = client_of(clients, hang, ONE_ATTEMPT)

    def abort() -> None:
        wait_for("a request", lambda: client.stub.received)
        client.connection.stopped.set()
        client.connection.abort()

    threading.Thread(target=abort).start()
    with pytest.raises(Cancelled):
        client.get()
    held.set()


def test_the_wait_doubles_with_each_failure_up_to_a_limit() -> None:
    policy = RetryPolicy()
    waits = [policy.wait_seconds(failures) for failures in range(1, 8)]
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_waits_differ_so_that_requests_do_not_come_back_together() -> None:
    policy = RetryPolicy()
    waits = [Attempts(policy).next_wait_seconds() or 0.0 for _ in range(50)]
    assert len(set(waits)) > 10
    assert all(0.1 <= wait <= 0.2 for wait in waits)


def test_the_patience_outlasts_a_store_that_is_away_for_a_minute() -> None:
    assert RetryPolicy().patience_seconds > 60 + RetryPolicy().longest_wait_seconds


def test_a_store_that_comes_back_within_the_patience_is_no_error() -> None:
    """Nothing listens at first; the stub takes the port later."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        port = taken.getsockname()[1]
    failed = threading.Event()

    class Outages(OutageLog):
        def report(self, error: Exception) -> None:
            assert isinstance(error, ConnectionRefusedError)
            failed.set()

    signer = Signer(Credentials(access_key="a", secret_key="b"), "us-east-1")
    connection = Connection(endpoint_of(endpoint), signer, RetryPolicy(first_wait_seconds=0.05), Outages(""))
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(connection.request(GET, read_all)))
    thread.start()
    assert failed.wait(10)
    stub = StubStore(in_turn(http(200, b"here")), port)
    thread.join(10)
    connection.close()
    stub.close()
    assert answers == [b"here"]


def test_an_outage_is_logged_once_for_all_requests(clients: list[Client], caplog: pytest.LogCaptureFixture) -> None:
    client = client_of(clients, in_turn(s3_error(503, "SlowDown"), s3_error(503, "SlowDown"), http(200, b"here")))
    client.get()
    assert [record.message for record in caplog.records] == ["s3 request failed, retrying"]


@contextmanager
def a_full_backlog() -> Iterator[str]:
    """An endpoint that drops attempts to connect, as a firewall does."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_abort_ends_an_attempt_to_connect_within_a_second() -> None:
    with a_full_backlog() as endpoint:
        connection = a_connection(endpoint)
        ended = threading.Event()

        def get() -> None:
            with pytest.raises(Cancelled):
                connection.request(GET, read_all)
            ended.set()

        threading.Thread(target=get).start()
        wait_for("a socket that connects", lambda: connection.is_open)
        connection.stopped.set()
        began = time.monotonic()
        connection.abort()
        assert ended.wait(5)
        assert time.monotonic() - began < 1


def test_a_look_up_of_a_name_ends_once_it_is_stopped() -> None:
    stopped = threading.Event()
    stopped.set()
    dialler = Dialler("store.invalid", 80, tls=None, opened=lambda _socket: None, stopped=stopped)
    began = time.monotonic()
    with pytest.raises(OSError, match=r"."):
        dialler.connect()
    assert time.monotonic() - began < 1


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
def test_an_endpoint_url_is_parsed(url: str, endpoint: Endpoint, host_header: str | None) -> None:
    assert endpoint_of(url) == endpoint
    assert endpoint.host_header == (host_header or endpoint.host)


@pytest.mark.parametrize("url", ["store:9000", "ftp://store", "http://", "http://store/path", ""])
def test_an_invalid_endpoint_url_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of an S3 endpoint"):
        endpoint_of(url)


def test_path_and_query_are_sent_exactly_as_signed() -> None:
    with stub_store(in_turn(http(200))) as stub:
        connection = a_connection(stub.endpoint)
        connection.request(
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
        connection.close()
        (received,) = stub.received
        assert received.line == b"GET /b/a//../%C3%BC%20%2B?a=&x=1%2F2 HTTP/1.1"
        assert received.header(b"accept-encoding") is None
        assert received.header(b"host") == stub.endpoint.removeprefix("http://").encode()
