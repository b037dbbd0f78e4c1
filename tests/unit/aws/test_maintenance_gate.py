"""While the server is being reset, requests wait; those that wait too long are asked to retry."""

import asyncio
import threading
from contextlib import ExitStack

import pytest
from starlette.types import Message

from processing_emulator.aws.http.maintenance_gate import MaintenanceGate
from tests.unit.aws.asgi import JSON_TYPE, Answer, Headers, call, http_scope
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import Api

HOST = ("host", "127.0.0.1:9320")
LIST = (("x-amz-target", "SageMaker.ListProcessingJobs"), ("content-type", JSON_TYPE))


def _ask(gate: MaintenanceGate, path: str = "/", headers: Headers = (), method: str = "POST") -> Answer:
    return call(app_over(Api(), gate=gate), method=method, path=path, headers=(HOST, *headers), body=b"{}")


def test_an_open_gate_lets_requests_through() -> None:
    assert _ask(MaintenanceGate(0.0), "/bucket", method="GET").body == b"s3"


def test_waiting_requests_continue_when_it_opens() -> None:
    gate = MaintenanceGate(30.0)

    async def wait() -> None:
        waiting = asyncio.create_task(gate.wait_until_open())
        await asyncio.sleep(0)
        assert not waiting.done()
        to_open.set()
        await waiting

    to_open = threading.Event()

    def hold() -> None:
        with gate.closed():
            is_closed.set()
            to_open.wait(30)

    is_closed = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    is_closed.wait(30)
    asyncio.run(wait())
    holder.join()


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ((), b"<Code>ServiceUnavailable</Code>"),
        ((("content-type", "application/x-www-form-urlencoded"),), b"<Code>ServiceUnavailable</Code>"),
        ((("x-amz-target", "SageMaker.ListProcessingJobs"), ("content-type", JSON_TYPE)), b"ServiceUnavailable"),
    ],
)
def test_a_request_that_waits_too_long_is_asked_to_retry(headers: Headers, text: bytes) -> None:
    gate = MaintenanceGate(0.01)
    with gate.closed():
        answer = _ask(gate, headers=headers)
    assert answer.status == 503
    assert text in answer.body


def test_the_emulator_s_own_endpoints_do_not_wait() -> None:
    gate = MaintenanceGate(0.01)
    with gate.closed():
        assert _ask(gate, "/_emulator/health", method="GET").body == b"admin"


def test_it_opens_after_a_reset_that_failed() -> None:
    gate = MaintenanceGate(0.01)
    with pytest.raises(ValueError, match="x"), gate.closed():
        raise ValueError("x")
    assert _ask(gate, "/bucket", method="GET").body == b"s3"


def test_a_request_whose_body_arrives_after_the_gate_was_closed_waits() -> None:
    gate, closed = MaintenanceGate(30.0), ExitStack()

    async def receive() -> Message:
        closed.enter_context(gate.closed())
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, opened)
        return {"type": "http.request", "body": b"{}"}

    def opened() -> None:
        assert sent == []
        closed.close()

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []

    async def serve() -> None:
        await app_over(Api(), gate=gate)(http_scope("POST", "/", (HOST, *LIST)), receive, send)

    asyncio.run(serve())
    assert sent[0]["status"] == 200
