"""Requests that come at the same time are served together, and each as if it had come alone."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from processing_emulator.aws.http.reply import Reply
from processing_emulator.aws.http.request_context import Caller
from processing_emulator.aws.services.catalogue import JsonService
from processing_emulator.aws.services.dispatcher import Dispatcher
from processing_emulator.aws.services.grouping import LARGEST_GROUP, PAGES_AT_ONCE, SMALLEST_SHARE, Desk
from processing_emulator.aws.services.operation import Checked, GroupHandler, Handler, Outcome, PageHandler
from processing_emulator.errors import JobNotFound, StoreFailure

from tests.unit.aws.parts import service_model

CALLER = Caller(account="000000000000", region="us-east-1", request_id="r")
DESCRIBE = "SageMaker.DescribeProcessingJob"
LIST = "SageMaker.ListProcessingJobs"


class Echo:
    """Answers with the name asked for, and remembers who was served with whom; some names are trouble."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []

    def handle_all(self, group: Sequence[Checked]) -> Sequence[Outcome]:
        names = [request["ProcessingJobName"] for _, request in group]
        self.groups.append(names)
        if "bug" in names:
            raise RuntimeError("a bug of ours")
        if "locked" in names:
            raise StoreFailure("Database x is locked.")
        return [JobNotFound("no such job") if name == "missing" else {"ExitMessage": name} for name in names]


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


@pytest.fixture
def echo() -> Echo:
    return Echo()


def dispatcher_of(**handlers: Handler) -> Dispatcher:
    return Dispatcher(JsonService(name="sagemaker", handlers=handlers).operations(service_model()))


@pytest.fixture(params=[False, True], ids=["in a thread", "in the loop"])
def handler(request: pytest.FixtureRequest, echo: Echo) -> GroupHandler:
    """The echo, as an operation that may have to wait and as one that never does."""
    return GroupHandler(handle_all=echo.handle_all, never_waits=request.param)


def ask(dispatcher: Dispatcher, executor: ThreadPoolExecutor, bodies: Sequence[bytes]) -> list[Reply]:
    """All at once, in one turn of a loop."""

    async def gathered() -> list[Reply]:
        desk = Desk(dispatcher, executor)
        return await asyncio.gather(*(desk.reply(DESCRIBE, CALLER, body) for body in bodies))

    return asyncio.run(gathered())


def named(name: str) -> bytes:
    return json.dumps({"ProcessingJobName": name}).encode()


def test_those_that_come_together_are_served_together_and_answered_in_their_places(
    executor: ThreadPoolExecutor, echo: Echo, handler: GroupHandler
) -> None:
    names = [f"job-{number}" for number in range(LARGEST_GROUP + 10)]
    dispatcher = dispatcher_of(DescribeProcessingJob=handler)
    replies = ask(dispatcher, executor, [named(name) for name in names])
    assert [json.loads(reply.body)["ExitMessage"] for reply in replies] == names
    assert [name for group in echo.groups for name in group] == names
    sizes = [len(group) for group in echo.groups]
    assert sizes == ([LARGEST_GROUP, 10] if handler.never_waits else [32, 21, 10, SMALLEST_SHARE, 3])


def test_a_request_that_is_refused_fails_alone(executor: ThreadPoolExecutor, echo: Echo, handler: GroupHandler) -> None:
    dispatcher = dispatcher_of(DescribeProcessingJob=handler)
    bodies = [named("a"), b"{", named("-bad-"), named("missing"), b"[]", named("b")]
    replies = ask(dispatcher, executor, bodies)
    assert [reply.status for reply in replies] == [200, 400, 400, 400, 400, 200]
    assert [json.loads(reply.body).get("__type") for reply in replies[1:5]] == [
        "SerializationException",
        "ValidationException",
        "ValidationException",
        "SerializationException",
    ]
    assert echo.groups == [["a", "missing", "b"]]


def test_a_request_that_meets_a_bug_fails_alone(
    executor: ThreadPoolExecutor, echo: Echo, handler: GroupHandler
) -> None:
    dispatcher = dispatcher_of(DescribeProcessingJob=handler)
    replies = ask(dispatcher, executor, [named("a"), named("bug"), named("b")])
    assert [reply.status for reply in replies] == [200, 500, 200]
    assert echo.groups == [["a", "bug", "b"], ["a"], ["bug"], ["b"]]


def test_a_store_that_fails_is_not_asked_for_each_request_again(
    executor: ThreadPoolExecutor, echo: Echo, handler: GroupHandler
) -> None:
    dispatcher = dispatcher_of(DescribeProcessingJob=handler)
    replies = ask(dispatcher, executor, [named("a"), named("locked"), named("b")])
    assert [reply.status for reply in replies] == [500, 500, 500]
    assert echo.groups == [["a", "locked", "b"]]


def test_a_request_that_nobody_waits_for_does_not_hold_up_the_others(
    executor: ThreadPoolExecutor, echo: Echo, handler: GroupHandler
) -> None:
    desk = Desk(dispatcher_of(DescribeProcessingJob=handler), executor)

    async def hang_up() -> Reply:
        gone = asyncio.create_task(desk.reply(DESCRIBE, CALLER, named("gone")))
        stays = asyncio.create_task(desk.reply(DESCRIBE, CALLER, named("stays")))
        await asyncio.sleep(0)
        gone.cancel()
        reply = await stays
        assert gone.cancelled()
        return reply

    assert asyncio.run(hang_up()).status == 200


def test_operations_that_may_take_long_are_not_grouped(handler: GroupHandler) -> None:
    dispatcher = dispatcher_of(
        DescribeProcessingJob=handler,
        ListProcessingJobs=lambda _caller, _request: {},
    )
    assert dispatcher.is_grouped(DESCRIBE)
    assert not dispatcher.is_grouped(LIST)
    assert not dispatcher.is_grouped("SageMaker.Nothing")


class HeldPages:
    """Makes a page for each request when it is let go, and counts how many are being made."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.begun: list[str] = []
        self.most = 0
        self._at_work = 0
        self._lock = threading.Lock()

    def handle(self, _caller: Caller, request: Mapping[str, Any]) -> Mapping[str, object]:
        with self._lock:
            self.begun.append(request["NameContains"])
            self._at_work += 1
            self.most = max(self.most, self._at_work)
        assert self.let_go.wait(30)
        with self._lock:
            self._at_work -= 1
        if request["NameContains"] == "bug":
            raise RuntimeError("a bug of ours")
        return {"NextToken": request["NameContains"]}


def test_few_pages_are_made_at_the_same_time_in_their_order_and_hold_up_nobody_else() -> None:
    pages = HeldPages()
    dispatcher = dispatcher_of(
        ListProcessingJobs=PageHandler(handle=pages.handle), StopProcessingJob=lambda _caller, _request: None
    )
    asked = [f"page-{number}" for number in range(PAGES_AT_ONCE)] + ["bug", *(f"more-{number}" for number in range(9))]

    async def ask_all(desk: Desk) -> list[Reply]:
        waiting = [
            asyncio.create_task(desk.reply(LIST, CALLER, json.dumps({"NameContains": name}).encode())) for name in asked
        ]
        await asyncio.sleep(0)
        stopped = await desk.reply("SageMaker.StopProcessingJob", CALLER, named("a"))
        assert stopped.status == 200
        pages.let_go.set()
        return await asyncio.gather(*waiting)

    with ThreadPoolExecutor(PAGES_AT_ONCE + 1) as executor:
        desk = Desk(dispatcher, executor)
        for _ in range(2):  # once more when nobody is at work
            pages.let_go.clear()
            pages.begun.clear()
            replies = asyncio.run(ask_all(desk))
            assert [json.loads(reply.body).get("NextToken", "bug") for reply in replies] == asked
            assert pages.most == PAGES_AT_ONCE
            assert sorted(pages.begun[:PAGES_AT_ONCE]) == asked[:PAGES_AT_ONCE]


class NoThreads(ThreadPoolExecutor):
    """Takes no work."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # the base's generic signature
        """See the base class."""
        raise AssertionError("a step to a thread that was not needed")


def test_what_nothing_can_hold_up_needs_no_thread(echo: Echo) -> None:
    dispatcher = dispatcher_of(DescribeProcessingJob=GroupHandler(handle_all=echo.handle_all, never_waits=True))
    with NoThreads(1) as executor:
        replies = ask(dispatcher, executor, [named("a"), named("b")])
    assert [reply.status for reply in replies] == [200, 200]
    assert echo.groups == [["a", "b"]]
