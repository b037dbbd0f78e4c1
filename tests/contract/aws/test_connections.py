"""What a socket sees: requests without an end are closed, and what is no HTTP is refused."""

import logging
import socket
from collections.abc import Iterator
from io import StringIO
from urllib.parse import urlsplit

import pytest
from starlette.types import Receive, Scope, Send

from processing_emulator.server.http_protocol import LARGEST_HEAD_BYTES, BoundedHeadProtocol
from processing_emulator.server.log_format import TextFormatter
from tests.contract.aws.live_server import DEADLINE_SECONDS, serving
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import Api


@pytest.fixture
def log() -> Iterator[StringIO]:
    """The lines that the loggers of server and application write, formatted."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter())
    loggers = logging.getLogger("processing_emulator"), logging.getLogger("uvicorn.error")
    for logger in loggers:
        logger.addHandler(handler)
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)


class _HastyProtocol(BoundedHeadProtocol):
    head_seconds = 0.05


LIST = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListProcessingJobs\r\n"
    b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n"
)


def exchange(url: str, *pieces: bytes) -> bytes:
    """Send each piece when something has come back for the one before; read until the server closes the connection."""
    place = urlsplit(url)
    received = b""
    with socket.create_connection((place.hostname, place.port), timeout=DEADLINE_SECONDS) as client:
        for piece in pieces[:-1]:
            client.sendall(piece)
            received += client.recv(65536)
        client.sendall(pieces[-1])
        while chunk := client.recv(65536):
            received += chunk
    return received


@pytest.mark.parametrize("head", [b"", b"P", b"POST / HTTP/1.1\r\nHost: localhost\r\nX-"])
def test_a_connection_without_a_whole_head_is_closed(head: bytes) -> None:
    with serving(app_over(Api()), _HastyProtocol) as url:
        assert exchange(url, head) == b""


def test_a_head_that_follows_another_request_is_bounded_too() -> None:
    with serving(app_over(Api()), _HastyProtocol) as url:
        received = exchange(url, LIST % 2 + b"{}", b"POST / HTTP/1.1\r\nHost")

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.count(b"HTTP/1.1") == 1


def test_a_request_that_takes_longer_than_the_bound_is_answered() -> None:
    with serving(app_over(Api(), silence_seconds=0.2), _HastyProtocol) as url:
        received = exchange(url, LIST % 10 + b"{}")

    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"RequestTimeout" in received


def test_log_lines_of_a_pipelined_request_have_no_fields_of_the_one_before(log: StringIO) -> None:
    """The S3 stand-in fails before any operation is known; after it comes something that is no HTTP."""

    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("broken")

    with serving(app_over(Api(), s3=failing)) as url:
        exchange(url, LIST % 2 + b"{}" + b"GET /bucket HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"no HTTP\r\n\r\n")

    failed, refused = (line for line in log.getvalue().splitlines() if not line.startswith(" "))
    assert "request failed path=/bucket request_id=" in failed
    assert "operation=" not in failed
    assert refused.endswith("WARNING Invalid HTTP request received. logger=uvicorn.error")


def test_a_head_that_does_not_end_is_refused() -> None:
    with serving(app_over(Api())) as url:
        received = exchange(url, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * (LARGEST_HEAD_BYTES + 1))

    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /bucket HTTP/1.1\r\n\r\n",
        b"GET /bucket HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET\r\n\r\n",
    ],
)
def test_a_head_that_is_no_http_is_refused(head: bytes) -> None:
    with serving(app_over(Api())) as url:
        assert exchange(url, head).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_http_1_0_needs_no_host() -> None:
    with serving(app_over(Api())) as url:
        received = exchange(url, b"GET /bucket HTTP/1.0\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"s3")
