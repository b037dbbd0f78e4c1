"""`/_emulator/jobs/NAME/logs`: pages, the last events, and following a job to its end."""

import asyncio
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message

from processing_emulator.admin.log_routes import FOLLOW_BYTES, FOLLOW_THREADS, log_routes
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.domain.log_names import LogStreamId
from processing_emulator.domain.phase import JobPhase
from processing_emulator.open_streams import OpenStreams
from tests.builders import a_key, a_request
from tests.contract.ports.stores import LIMITS
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.log_batches import a_batch
from tests.unit.aws.asgi import Answer, call, exchange, http_scope
from tests.unit.jobs.job_requests import START, Api

START_MS = int(START.timestamp() * 1000)


class Output:
    """A running job whose first host prints, and its log route."""

    def __init__(self, store: MemoryJobStore | None = None) -> None:
        self.api = Api(store)
        self.job = self.api.move(self.api.service.create(a_key(), a_request()), JobPhase.RUNNING)
        self.api.store.ensure_instances(self.job.id, [LIMITS])
        self.app = FastAPI()
        self.streams = OpenStreams()
        self.app.include_router(log_routes(self.api.store, self.api.logs, self.streams))
        self.printed = 0

    def print(self, *messages: str) -> None:
        """One event a second."""
        at_ms = START_MS + 1000 * self.printed
        batch = a_batch(*messages, at_ms=at_ms, step_ms=1000, after_lines=self.printed)
        self.api.logs.append_output(JobId(self.job.id), 0, batch)
        self.printed += len(messages)

    def end(self) -> None:
        self.api.move(self.job, JobPhase.COMPLETED)

    def get(self, query: str = "") -> Answer:
        return call(self.app, method="GET", path=f"/jobs/job/logs?{query}")

    def messages(self, query: str = "") -> list[str]:
        return [event["message"] for event in self.get(query).document["events"]]


@pytest.fixture
def output() -> Output:
    """A job that runs and has not printed anything."""
    return Output()


def followed(output: Output, query: str) -> list[dict[str, Any]]:
    """The lines of a reply that is streamed to a client that stays."""
    scope = http_scope("GET", f"/jobs/job/logs?{query}", (("host", "127.0.0.1:9320"),))
    scope["asgi"]["spec_version"] = "2.4"  # the application does not ask whether the client has gone
    start, *body = exchange(output.app, scope, [{"type": "http.request", "body": b""}])
    assert (b"content-type", b"application/x-ndjson") in start["headers"]
    return [json.loads(line) for line in b"".join(message["body"] for message in body).splitlines()]


def test_events_come_in_order_with_where_to_continue(output: Output) -> None:
    output.print("one", "zw\u00f6lf\n  and more", "#000")

    first = output.get("limit=2").document
    rest = output.get(f"host=algo-1&from={first['next']}").document
    end = output.get(f"from={rest['next']}").document

    assert first == {
        "events": [
            {"seq": 0, "at": "2026-01-02T03:04:05.678Z", "message": "one"},
            {"seq": 1, "at": "2026-01-02T03:04:06.678Z", "message": "zw\u00f6lf\n  and more"},
        ],
        "next": 2,
    }
    assert [event["message"] for event in rest["events"]] == ["#000"]
    assert end == {"events": [], "next": 3}


def test_logs_of_a_host_that_has_not_printed_are_empty(output: Output) -> None:
    for query in ("from=0", "host=algo-2"):
        assert output.get(query).document == {"events": [], "next": 0}
    assert output.get("tail=5").document == {"events": [], "next": 0}


@pytest.mark.parametrize(
    ("tail", "expected"), [(1, ["c"]), (2, ["b", "c"]), (3, ["a", "b", "c"]), (9, ["a", "b", "c"])]
)
def test_tail_gives_the_last_events(output: Output, tail: int, expected: list[str]) -> None:
    output.print("a", "b", "c")

    assert output.messages(f"tail={tail}") == expected
    assert output.get(f"tail={tail}").document["next"] == 3


@pytest.mark.parametrize("query", ["tail=1&from=0", "tail=1&limit=5", "follow=1&limit=5"])
def test_parameters_that_contradict_each_other_are_refused(output: Output, query: str) -> None:
    assert output.get(query).status == 400


@pytest.mark.parametrize(
    ("query", "expected"), [("follow=1", "abc"), ("follow=1&tail=1", "c"), ("follow=true&from=1", "bc")]
)
def test_following_a_job_that_has_ended_gives_its_events_and_ends(output: Output, query: str, expected: str) -> None:
    output.print("a", "b", "c")
    output.end()

    lines = followed(output, query)

    assert [line["message"] for line in lines] == list(expected)
    assert lines[-1] == {"seq": 2, "at": "2026-01-02T03:04:07.678Z", "message": "c"}


def test_following_a_running_job_gives_what_it_prints_until_it_ends(output: Output) -> None:
    output.print("before")
    with ThreadPoolExecutor() as pool:
        following = pool.submit(followed, output, "follow=1")
        output.print("while")
        output.print("after")
        output.end()

    assert [line["message"] for line in following.result()] == ["before", "while", "after"]


def test_following_a_running_job_ends_with_the_server(output: Output) -> None:
    output.print("before")
    with ThreadPoolExecutor() as pool:
        following = pool.submit(followed, output, "follow=1")
        output.streams.end()

    assert [line["message"] for line in following.result()] in ([], ["before"])


class FailsLater(MemoryJobStore):
    """Goes down when the route asks for the second time whether the job has ended."""

    watched = False
    asked = 0

    def get(self, job_id: JobId) -> ProcessingJob:
        self.asked += self.watched
        if self.asked == 2:
            self.go_down()
        return super().get(job_id)


def test_following_ends_with_a_sentence_when_the_store_fails() -> None:
    store = FailsLater()
    output = Output(store)
    output.print("before")
    store.watched = True

    lines = followed(output, "follow=1")

    assert [line.get("message") for line in lines] == ["before", None]
    assert lines[-1] == {"error": "The store is down."}


class WatchedLogs(MemoryLogStore):
    """Counts reads, those in progress at once, and holds them until `released` is set."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        super().__init__(jobs)
        self.started = threading.Event()
        self.released = threading.Event()
        self.reads = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def read(
        self, stream: LogStreamId, seq: int, *, forward: bool, limit: int, most_bytes: int
    ) -> Sequence[StoredEvent]:
        with self._lock:
            self.reads += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self.started.set()
        try:
            assert self.released.wait(timeout=60)
            return super().read(stream, seq, forward=forward, limit=limit, most_bytes=most_bytes)
        finally:
            with self._lock:
                self._at_once -= 1


class SilentClient:
    """Follows a log, and never takes more than the first page that it is sent."""

    def __init__(self, app: FastAPI) -> None:
        self.accepted = asyncio.Event()
        self.got_page = asyncio.Event()
        self.page = b""
        scope = http_scope("GET", "/jobs/job/logs?follow=1", (("host", "127.0.0.1:9320"),))
        self.task = asyncio.create_task(app(scope, self._never, self._send))

    async def _never(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.accepted.set()
            return
        self.page = message["body"]
        self.got_page.set()
        await self._never()


async def page_of_another_host(app: FastAPI) -> int:
    """The status of a request that reads no events."""
    started: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        started.append(message)

    await app(http_scope("GET", "/jobs/job/logs?host=algo-2", (("host", "127.0.0.1:9320"),)), receive, send)
    return int(started[0]["status"])


def test_followers_whose_reads_are_slow_or_who_never_read_do_not_delay_other_requests() -> None:
    output = Output()
    output.api.logs = logs = WatchedLogs(output.api.store)
    output.app = FastAPI()
    output.app.include_router(log_routes(output.api.store, logs, OpenStreams()))
    output.print(*["x" * 20_000] * 40)

    async def follow_and_ask() -> list[bytes]:
        clients = [SilentClient(output.app) for _number in range(60)]
        try:
            async with asyncio.timeout(60):
                for client in clients:
                    await client.accepted.wait()
                await asyncio.to_thread(logs.started.wait)
                assert await page_of_another_host(output.app) == 200
                logs.released.set()
                for client in clients:
                    await client.got_page.wait()
                assert await page_of_another_host(output.app) == 200
        finally:
            logs.released.set()
            for client in clients:
                client.task.cancel()
        return [client.page for client in clients]

    pages = asyncio.run(follow_and_ask())

    assert logs.most_at_once <= FOLLOW_THREADS
    assert logs.reads == len(pages)
    assert max(map(len, pages)) < FOLLOW_BYTES * 1.1
