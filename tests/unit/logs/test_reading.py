"""Pages of events and streams as CloudWatch Logs gives them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.domain.log_names import PROCESSING_JOBS_GROUP, LogGroupKey
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import LogNotFound, ValidationFailed
from processing_emulator.logs.page_tokens import seal_page
from processing_emulator.logs.reading import EventPage, EventQuery
from processing_emulator.ports import LogStream, StreamQuery
from tests.builders import a_key, a_request
from tests.contract.ports.stores import LIMITS
from tests.log_batches import a_batch
from tests.unit.jobs.job_requests import Api

GROUP = LogGroupKey("000000000000", "us-east-1", PROCESSING_JOBS_GROUP)
HEAD = EventQuery(from_head=True)


class Printing:
    """A running job that prints, and a reader of its log."""

    def __init__(self, api: Api | None = None, name: str = "job") -> None:
        self.api = api or Api()
        job = self.api.service.create(a_key(name), a_request(name))
        self.id = self.api.move(job, JobPhase.RUNNING).id
        self.api.store.ensure_instances(job.id, [LIMITS])
        self.printed = 0

    def print(self, *messages: str, at_ms: int = 10_000, step_ms: int = 1) -> None:
        batch = a_batch(*messages, at_ms=at_ms, step_ms=step_ms, after_lines=self.printed)
        self.printed += len(messages)
        self.api.logs.append_output(self.id, 0, batch)

    @property
    def stream(self) -> LogStream:
        found = self.api.logs.output_stream(self.id, 0)
        assert found is not None
        return found

    def page(self, query: EventQuery = HEAD) -> EventPage:
        return self.api.log_reading.events(GROUP, self.stream.name, query)

    def messages(self, query: EventQuery = HEAD) -> list[str]:
        return [event.message for event in self.page(query).events]


@pytest.fixture
def log() -> Printing:
    """A log of five events."""
    log = Printing()
    log.print("a", "b\n b2", "c", "d", "e")
    return log


def test_pages_forward_join_and_end_with_the_token_given(log: Printing) -> None:
    seen, token = [], None
    while True:
        page = log.page(replace(HEAD, limit=2, token=token))
        if not page.events:
            break
        seen.append([event.message for event in page.events])
        token = page.forward_token

    assert seen == [["a", "b\n b2"], ["c", "d"], ["e"]]
    assert page.forward_token == token


def test_pages_backward_join_and_end_with_the_token_given(log: Printing) -> None:
    seen, token = [], None
    while True:
        page = log.page(EventQuery(limit=2, token=token))
        if not page.events:
            break
        seen.append([event.message for event in page.events])
        token = page.backward_token

    assert seen == [["d", "e"], ["b\n b2", "c"], ["a"]]
    assert page.backward_token == token
    assert log.messages(EventQuery(token=page.forward_token)) == ["a", "b\n b2", "c", "d", "e"]


def test_a_reader_can_turn_around(log: Printing) -> None:
    middle = log.page(EventQuery(limit=2, token=log.page(EventQuery(limit=1)).backward_token))

    assert [event.message for event in middle.events] == ["c", "d"]
    assert log.messages(EventQuery(token=middle.forward_token)) == ["e"]
    assert log.messages(EventQuery(token=middle.backward_token)) == ["a", "b\n b2"]


@pytest.mark.parametrize("from_head", [True, False])
@pytest.mark.parametrize(
    ("start_ms", "end_ms", "expected"),
    [
        (10_001, 10_003, ["b\n b2", "c"]),
        (0, 10_001, ["a"]),
        (10_004, None, ["e"]),
        (10_005, None, []),
        (0, 10_000, []),
        (10_003, 10_002, []),
    ],
)
def test_start_is_inclusive_and_end_exclusive(
    log: Printing, from_head: bool, start_ms: int, end_ms: int | None, expected: list[str]
) -> None:
    assert log.messages(EventQuery(start_ms=start_ms, end_ms=end_ms, from_head=from_head)) == expected


def test_a_token_continues_within_the_times_asked_for(log: Printing) -> None:
    times = EventQuery(start_ms=10_001, end_ms=10_004, limit=2)

    first = log.page(replace(times, from_head=True))
    last = log.page(times)

    assert log.messages(replace(times, token=first.forward_token)) == ["d"]
    assert log.messages(replace(times, token=first.backward_token)) == []
    assert log.messages(replace(times, token=last.backward_token)) == ["b\n b2"]
    assert log.messages(replace(times, token=last.forward_token)) == []


def test_a_token_at_the_end_continues_with_what_is_printed_later(log: Printing) -> None:
    token = log.page().forward_token
    assert log.page(replace(HEAD, token=token)).forward_token == token

    log.print("later", at_ms=20_000)

    assert log.messages(replace(HEAD, token=token)) == ["later"]


def test_a_page_holds_a_mebibyte_but_always_one_event() -> None:
    log = Printing()
    log.print(*["x" * 16_000] * 100)

    assert len(log.page().events) == 65
    assert len(log.page(EventQuery()).events) == 65


@pytest.mark.parametrize("token", ["f/1/s", "nonsense", "f/" + "0" * 56 + "/s", "b/" + "9" * 56 + "/s"])
def test_a_token_of_another_make_is_refused(log: Printing, token: str) -> None:
    with pytest.raises(ValidationFailed, match="nextToken is invalid"):
        log.page(replace(HEAD, token=token))


def test_a_token_of_another_stream_is_refused(log: Printing) -> None:
    other = Printing(log.api, "other")
    other.print("a")

    with pytest.raises(ValidationFailed, match="nextToken is invalid"):
        other.page(replace(HEAD, token=log.page().forward_token))


def test_there_is_no_group_before_something_was_printed() -> None:
    log = Printing()
    reading = log.api.log_reading

    with pytest.raises(LogNotFound, match="log group does not exist"):
        reading.streams(query())
    with pytest.raises(LogNotFound, match="log group does not exist"):
        reading.events(GROUP, "job/algo-1-1", HEAD)
    assert reading.groups(*GROUP[:2]) == []
    log.print("a")
    assert [group.created_at_ms for group in reading.groups(*GROUP[:2])] == [10_000]
    with pytest.raises(LogNotFound, match="log stream does not exist"):
        reading.events(GROUP, "job/algo-1-1", HEAD)


def query(**changes: object) -> StreamQuery:
    return replace(StreamQuery(group=GROUP, limit=50), **changes)  # type: ignore[arg-type]  # changes are its fields


def test_pages_of_streams_join_and_their_tokens_continue_their_query_only() -> None:
    api = Api()
    for name in ("c", "a", "b"):
        Printing(api, name).print("x")
    first = api.log_reading.streams(query(limit=2))
    second = api.log_reading.streams(query(limit=2), first.next_token)

    assert [stream.name[0] for stream in (*first.streams, *second.streams)] == ["a", "b", "c"]
    assert second.next_token is None
    for other in (query(descending=True), query(prefix="a"), query(by_time=True)):
        with pytest.raises(ValidationFailed, match="nextToken is invalid"):
            api.log_reading.streams(other, first.next_token)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_sealed_token_with_text_that_no_database_compares_is_refused(name: str) -> None:
    """The seal is no secret, so a client can seal anything."""
    Printing(api := Api()).print("x")

    with pytest.raises(ValidationFailed, match="nextToken is invalid"):
        api.log_reading.streams(query(), seal_page((1, name), [*GROUP, "", False, False]))


class Pollers:
    """One continues by token; the other, as SageMaker's SDK does, by the last time and how many events had it."""

    def __init__(self, log: Printing, limit: int) -> None:
        self.by_token: list[str] = []
        self.by_time: list[str] = []
        self._log = log
        self._query = replace(HEAD, limit=limit)
        self._token: str | None = None
        self._last_ms = 0
        self._count = 0

    def poll(self) -> None:
        """Both read all there is."""
        if self._log.printed:
            self._poll_by_token()
            self._poll_by_time()

    def _poll_by_token(self) -> None:
        while (page := self._log.page(replace(self._query, token=self._token))).events:
            self._token = page.forward_token
            self.by_token += [event.message for event in page.events]

    def _poll_by_time(self) -> None:
        query, skip = replace(self._query, start_ms=self._last_ms), self._count
        while (page := self._log.page(query)).events:
            query = replace(query, token=page.forward_token)
            fresh, skip = page.events[skip:], max(0, skip - len(page.events))
            for event in fresh:
                self.by_time.append(event.message)
                self._count = self._count + 1 if event.at_ms == self._last_ms else 1
                self._last_ms = event.at_ms


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.integers(1, 6) | st.sampled_from(["poll", "tick"]), max_size=25), limit=st.integers(1, 4))
def test_pollers_of_both_kinds_see_every_event_once(steps: Sequence[int | str], limit: int) -> None:
    log = Printing()
    pollers = Pollers(log, limit)
    at_ms = 10_000
    for step in steps:
        if isinstance(step, int):
            log.print(*(f"{log.printed + n}" for n in range(step)), at_ms=at_ms, step_ms=0)
        elif step == "tick":
            at_ms += 1
        else:
            pollers.poll()
    pollers.poll()

    assert pollers.by_token == pollers.by_time == [f"{n}" for n in range(log.printed)]
