"""What the proxy sends on both sides, and what happens when one side disconnects."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from botocore.exceptions import ClientError

from tests.fixtures_s3 import S3Server
from tests.integration.s3.proxy_server import serving_proxy
from tests.stub_store import Received, StubStore, in_turn, stub_store
from tests.stub_store import http as answer_of
from tests.waiting import wait_for

MIB = 1024**2


@pytest.fixture
def stub() -> Iterator[StubStore]:
    with stub_store(in_turn(answer_of(200, b"answered"))) as made:
        yield made


def host_of(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def exchange(url: str, request: bytes) -> bytes:
    """Send bytes, and read until the server closes the connection."""
    with socket.create_connection(host_of(url), timeout=20) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


def get(url: str, method: str = "GET", body: bytes | None = None) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection(*host_of(url), timeout=20)) as client:
        client.request(method, "/b/k", body=body)
        answer = client.getresponse()
        return answer, answer.read()


def test_target_is_forwarded_byte_for_byte(stub: StubStore) -> None:
    target = b"/b/a//..//x/./y%2Fz%20+%c3%bc%C3%BC~!*'();,@&=$?list-type=2&prefix=a%2F+b&empty=&flag&x=%7e"
    with serving_proxy(stub.endpoint) as url:
        exchange(url, b"GET " + target + b" HTTP/1.1\r\nHost: named.example:1\r\nConnection: close\r\n\r\n")
    assert stub.received[0].line == b"GET " + target + b" HTTP/1.1"


def test_pages_among_the_objects_run_without_the_origin_of_the_emulator(stub: StubStore) -> None:
    with serving_proxy(stub.endpoint) as url:
        answer, _ = get(url)
    assert answer.headers["Content-Security-Policy"] == "sandbox allow-scripts allow-downloads"


@pytest.mark.parametrize("target", [b"*", b"@localhost:1/b/k"])
def test_a_target_that_could_name_another_host_is_refused(stub: StubStore, target: bytes) -> None:
    with serving_proxy(stub.endpoint) as url:
        answer = exchange(url, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert stub.received == []


def test_headers_are_forwarded_with_the_host_but_without_hop_by_hop_headers(stub: StubStore) -> None:
    with serving_proxy(stub.endpoint) as url:
        exchange(
            url,
            b"DELETE /b/k HTTP/1.1\r\nHost: named.example:1\r\nAuthorization: AWS4 x\r\nX-Amz-Meta-A: \xc3\xbc\r\n"
            b"X-Amz-Meta-L: \xfc\r\nX-Twice: 1\r\nX-Twice: 2\r\n"
            b"TE: trailers\r\nX-Hop: 1\r\nConnection: close, X-Hop\r\n\r\n",
        )
    (received,) = stub.received
    assert {name: value for name, value in received.headers if name != b"content-length"} == {
        b"host": b"named.example:1",
        b"authorization": b"AWS4 x",
        b"x-amz-meta-a": b"\xc3\xbc",
        b"x-amz-meta-l": b"\xc3\xbc",
        b"x-twice": b"2",
    }
    assert [value for name, value in received.headers if name == b"x-twice"] == [b"1", b"2"]


def test_headers_that_sign_a_request_stay_whatever_connection_names(stub: StubStore) -> None:
    with serving_proxy(stub.endpoint) as url:
        exchange(
            url,
            b"PUT /b/k HTTP/1.1\r\nHost: named.example:1\r\nAuthorization: AWS4 x\r\nX-Amz-Date: now\r\n"
            b"Content-Type: text/plain\r\nContent-Length: 4\r\n"
            b"Connection: close, Authorization, host, X-Amz-Date, content-type, content-length\r\n\r\nbody",
        )
    (received,) = stub.received
    assert dict(received.headers) == {
        b"host": b"named.example:1",
        b"authorization": b"AWS4 x",
        b"x-amz-date": b"now",
        b"content-type": b"text/plain",
        b"content-length": b"4",
    }
    assert received.body == b"body"


def test_response_is_returned_without_hop_by_hop_headers() -> None:
    reply = answer_of(
        206, b"abc", ETag='"e"', X_Amz_Meta_A="v", Server="The Store", Keep_Alive="timeout=5", Date="long ago"
    )
    with stub_store(in_turn(reply)) as stub, serving_proxy(stub.endpoint) as url:
        answer, body = get(url)
        headers = {name.lower(): value for name, value in answer.getheaders()}
        assert (answer.status, body) == (206, b"abc")
    assert headers.pop("date") != "long ago"
    assert headers.pop("x-amzn-requestid")
    assert headers.pop("content-security-policy")
    assert headers == {"content-length": "3", "etag": '"e"', "x-amz-meta-a": "v", "server": "The Store"}


def test_signed_chunks_and_trailers_are_unchanged(stub: StubStore) -> None:
    body = b"5;chunk-signature=abc\r\nhello\r\n0;chunk-signature=def\r\nx-amz-checksum-crc32c:AAAA==\r\n\r\n"
    head = (
        b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Encoding: aws-chunked\r\nX-Amz-Trailer: x-amz-checksum-crc32c\r\n"
        b"X-Amz-Decoded-Content-Length: 5\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with serving_proxy(stub.endpoint) as url:
        exchange(url, head + body)
    (received,) = stub.received
    assert received.body == body
    assert received.header(b"content-encoding") == b"aws-chunked"
    assert received.header(b"transfer-encoding") is None


def test_31_client_that_waits_for_100_continue_gets_it_at_once(stub: StubStore) -> None:
    """This client does not send its body before that; without it the test would not end."""
    with serving_proxy(stub.endpoint) as url, socket.create_connection(host_of(url), timeout=20) as client:
        client.sendall(b"PUT /b/k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"body")
        assert client.recv(1024).startswith(b"HTTP/1.1 200 ")
    assert (stub.received[0].body, stub.received[0].header(b"expect")) == (b"body", None)


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 304), (b"DELETE", 204)])
def test_response_without_body_leaves_the_connection_usable(method: bytes, status: int) -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        length = b"" if status == 204 else b"Content-Length: 7\r\n"
        connection.sendall(b"HTTP/1.1 %d Status\r\n%s\r\n" % (status, length))

    request = method + b" /b/k HTTP/1.1\r\nHost: h\r\n"
    with stub_store(answer) as stub, serving_proxy(stub.endpoint) as url:
        said = exchange(url, request + b"\r\n" + request + b"Connection: close\r\n\r\n")
    assert said.count(b"HTTP/1.1 %d " % status) == 2
    assert said.endswith(b"\r\n\r\n")


# --- one side goes away ---


def test_store_that_does_not_answer_is_an_error_that_sdks_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    with serving_proxy(endpoint) as url, S3Server(endpoint=endpoint).client(url) as client:
        with pytest.raises(ClientError) as caught:
            client.get_object(Bucket="b-b-b", Key="k")
        assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        with pytest.raises(ClientError) as caught:
            client.head_object(Bucket="b-b-b", Key="k")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_store_that_comes_back_is_used_again() -> None:
    with stub_store(in_turn(b"", answer_of(200, b"back"))) as stub, serving_proxy(stub.endpoint) as url:
        first, said = get(url, "PUT", b"x")
        assert (first.status, b"ServiceUnavailable" in said) == (503, True)
        second, said = get(url, "PUT", b"x")
        assert (second.status, said) == (200, b"back")


def test_incomplete_response_is_not_completed() -> None:
    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(answer_of(200, b"x" * 1000)[:-10])
        raise ConnectionAbortedError

    with (
        stub_store(answer) as stub,
        serving_proxy(stub.endpoint) as url,
        pytest.raises(http.client.IncompleteRead),
    ):
        get(url)


def endless(request: Received, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
    while True:
        connection.sendall(b"x" * MIB)


def test_client_that_disconnects_during_the_response_cancels_the_request() -> None:
    with stub_store(endless) as stub, serving_proxy(stub.endpoint) as url:
        with socket.create_connection(host_of(url), timeout=20) as client:
            client.sendall(b"GET /b/k HTTP/1.1\r\nHost: h\r\n\r\n")
            assert client.recv(1024)
            assert stub.open_connections == 1
        wait_for("the store to be let go", lambda: stub.open_connections == 0)


def test_client_that_disconnects_before_the_response_cancels_the_request() -> None:
    released = threading.Event()
    ended = threading.Event()

    def answer(request: Received, connection: socket.socket) -> None:
        if connection.recv(1) == b"":
            ended.set()
        released.wait(20)

    with stub_store(answer) as stub, serving_proxy(stub.endpoint) as url:
        with socket.create_connection(host_of(url), timeout=20) as client:
            client.sendall(b"GET /b/k HTTP/1.1\r\nHost: h\r\n\r\n")
            wait_for("the request to reach the store", lambda: stub.received)
        assert ended.wait(20)
        released.set()


def test_upload_of_a_client_that_disconnects_is_not_stored() -> None:
    heard: list[bytes] = []

    def listen(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            heard.extend(iter(lambda: connection.recv(65536), b""))
        heard.append(b"(end)")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        with serving_proxy(f"http://127.0.0.1:{listener.getsockname()[1]}") as url:
            with socket.create_connection(host_of(url), timeout=20) as client:
                client.sendall(b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nonly this")
                wait_for("the store to hear of it", lambda: b"only this" in b"".join(heard))
            wait_for("the store to be let go", lambda: heard[-1] == b"(end)")
        thread.join(10)


def test_client_that_does_not_read_slows_the_store_down() -> None:
    """Or else a large object would fill the memory."""
    sent = [0]

    def answer(request: Received, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        while True:
            sent[0] += connection.send(b"x" * MIB)

    seen: list[int] = []

    def stands_still() -> bool:
        seen.append(sent[0])
        return len(seen) > 20 and seen[-1] > 0 and seen[-1] == seen[-20]

    with (
        stub_store(answer) as stub,
        serving_proxy(stub.endpoint) as url,
        socket.create_connection(host_of(url), timeout=20) as client,
    ):
        client.sendall(b"GET /b/k HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_for("the store to stand still", stands_still)
        assert sent[0] < 64 * MIB
