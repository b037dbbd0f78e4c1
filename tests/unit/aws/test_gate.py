"""While the server is being reset, requests wait; those that wait too long are asked to come again."""

import asyncio
import threading
from contextlib import ExitStack

import pytest
from processing_emulator.aws.gateway import FrontDoor
from processing_emulator.aws.http.maintenance_gate import Gate
from starlette.types import Message

from tests.unit.aws.asgi import JSON_TYPE, Answer, Headers, call, http_scope
from tests.unit.aws.parts import front_door_over
from tests.unit.jobs.parts import Api

HOST = ("host", "127.0.0.1:9320")
LIST = (("x-amz-target", "SageMaker.ListProcessingJobs"), ("content-type", JSON_TYPE))


def _ask(gate: Gate, path: str = "/", headers: Headers = (), method: str = "POST") -> Answer:
    with front_door_over(Api(), gate=gate) as app:
        return call(app, method=method, path=path, headers=(HOST, *headers), body=b"{}")


def test_an_open_gate_lets_everybody_through() -> None:
    assert _ask(Gate(0.0), "/bucket", method="GET").body == b"s3"


def test_those_who_wait_get_through_when_it_opens() -> None:
    gate = Gate(30.0)

    async def wait() -> bool:
        passed = asyncio.create_task(gate.passed())
        await asyncio.sleep(0)
        assert not passed.done()
        closed.set()
        return await passed

    closed = threading.Event()

    def hold() -> None:
        with gate.closed():
            is_closed.set()
            closed.wait(30)

    is_closed = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    is_closed.wait(30)
    assert asyncio.run(wait())
    holder.join()


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ((), b"<Code>ServiceUnavailable</Code>"),
        ((("content-type", "application/x-www-form-urlencoded"),), b"<Code>ServiceUnavailable</Code>"),
        ((("x-amz-target", "SageMaker.ListProcessingJobs"), ("content-type", JSON_TYPE)), b"ServiceUnavailable"),
    ],
)
def test_who_waits_too_long_is_asked_to_come_again(headers: Headers, text: bytes) -> None:
    gate = Gate(0.01)
    with gate.closed():
        answer = _ask(gate, headers=headers)
    assert answer.status == 503
    assert text in answer.body


def test_the_emulator_s_own_endpoints_do_not_wait() -> None:
    gate = Gate(0.01)
    with gate.closed():
        assert _ask(gate, "/_emulator/health", method="GET").body == b"control"


def test_it_opens_after_a_reset_that_failed() -> None:
    gate = Gate(0.01)
    with pytest.raises(ValueError, match="x"), gate.closed():
        raise ValueError("x")
    assert _ask(gate, "/bucket", method="GET").body == b"s3"


def test_a_request_whose_body_comes_after_the_gate_was_closed_waits() -> None:
    gate, closed = Gate(30.0), ExitStack()

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
    with front_door_over(Api(), gate=gate) as app:
        assert isinstance(app, FrontDoor)
        asyncio.run(app(http_scope("POST", "/", (HOST, *LIST)), receive, send))
    assert sent[0]["status"] == 200
