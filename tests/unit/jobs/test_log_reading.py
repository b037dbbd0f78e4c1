"""Pages of events and streams, and that nobody ever sees an event change."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.domain.log_events import LogLine
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import LogNotFound, ValidationFailed
from processing_emulator.logs.reading import EventPage, EventQuery, LogReading
from processing_emulator.logs.settling import SettlingLog
from processing_emulator.ports import LogStream, RawLine, StreamQuery

from tests.builders import a_key, a_request
from tests.contract.ports.stores import LIMITS
from tests.unit.jobs.parts import Api

OWNER = ("000000000000", "us-east-1")
HEAD = EventQuery(from_head=True)
MS = 1_000_000


class Printing:
    """A running job that prints, and a reader of its log."""

    def __init__(self, api: Api | None = None, name: str = "job") -> None:
        self.api = api or Api()
        job = self.api.service.create(a_key(name), a_request(name))
        self.job = self.api.move(job, JobPhase.RUNNING)
        self.api.store.ensure_instance(job.id, 0, LIMITS)
        self.printed = 0

    @property
    def id(self) -> JobId:
        return self.job.id

    def print(self, *lines: str, at_ms: int = 10_000) -> None:
        """Lines that are stored now, a millisecond apart."""
        raw = [RawLine(at_ns=(at_ms + n) * MS, data=line.encode()) for n, line in enumerate(lines)]
        self.printed += len(raw)
        self.api.logs.append(self.id, 0, raw, LogCursor(next_seq=self.printed))

    def rest(self) -> None:
        """So long that the log settles."""
        self.api.clock.looks += 3

    def end(self) -> None:
        self.job = self.api.move(self.job, JobPhase.COMPLETED)

    @property
    def stream(self) -> LogStream:
        found = self.api.logs.first_stream(*OWNER)
        assert found is not None
        return found

    def page(self, query: EventQuery = HEAD) -> EventPage:
        return self.api.log_reading.events(*OWNER, self.stream.name, query)

    def messages(self, query: EventQuery = HEAD) -> list[str]:
        return [event.message for event in self.page(query).events]


def test_pages_forward_join_and_end_with_the_token_given() -> None:
    log = Printing()
    log.print("a", "b", " b2", "", "c", "d", "e")
    log.end()

    seen, token = [], None
    while True:
        page = log.page(replace(HEAD, limit=2, token=token))
        if not page.events:
            break
        seen.append([event.message for event in page.events])
        token = page.forward_token

    assert seen == [["a", "b\n b2"], ["c", "d"], ["e"]]
    assert page.forward_token == token


def test_pages_backward_join_and_end_with_the_token_given() -> None:
    log = Printing()
    log.print("a", "b", " b2", "", "c", "d", "e")
    log.end()

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


def test_both_directions_can_be_changed_on_the_way() -> None:
    log = Printing()
    log.print("a", "b", "c", "d", "e")
    log.end()
    middle = log.page(EventQuery(limit=2, token=log.page(EventQuery(limit=1)).backward_token))

    assert [event.message for event in middle.events] == ["c", "d"]
    assert log.messages(EventQuery(token=middle.forward_token)) == ["e"]
    assert log.messages(EventQuery(token=middle.backward_token)) == ["a", "b"]


def test_start_is_inclusive_and_end_exclusive() -> None:
    log = Printing()
    log.print("a", "b", "c", "d")
    log.end()

    for from_head in (True, False):
        query = EventQuery(start_ms=10_001, end_ms=10_003, from_head=from_head)
        assert log.messages(query) == ["b", "c"]


def test_a_bound_inside_an_event_counts_for_its_first_line() -> None:
    log = Printing()
    log.print("a", "  1", "  2", "b")
    log.end()

    for from_head in (True, False):
        assert log.messages(EventQuery(start_ms=10_001, from_head=from_head)) == ["b"]
        assert log.messages(EventQuery(end_ms=10_001, from_head=from_head)) == ["a\n  1\n  2"]


def test_a_page_holds_a_mebibyte_but_always_one_event() -> None:
    log = Printing()
    log.print(*["x" * 16_000] * 100)
    log.end()

    assert len(log.page().events) == 65
    assert len(log.page(EventQuery()).events) == 65


def test_the_last_event_waits_until_nothing_can_join_it() -> None:
    log = Printing()
    log.print("first", "Traceback")

    assert log.messages() == log.messages(EventQuery()) == ["first"]
    log.print("  line 1", at_ms=10_005)
    assert log.messages() == ["first"]
    log.rest()
    assert log.messages() == log.messages(EventQuery()) == ["first", "Traceback\n  line 1"]


def test_the_end_of_the_job_shows_the_last_event_at_once() -> None:
    log = Printing()
    log.print("only")
    log.end()

    assert log.messages() == ["only"]


def test_a_line_that_comes_after_the_event_was_shown_does_not_change_it() -> None:
    log = Printing()
    log.print("Traceback")
    log.rest()
    shown = log.page()
    log.print("", "  late", "  later", "next", at_ms=10_100)

    assert [event.message for event in shown.events] == ["Traceback"]
    assert log.messages(replace(HEAD, token=shown.forward_token)) == ["  late\n  later"]
    assert log.messages() == ["Traceback", "  late\n  later"]


def test_a_held_event_is_read_later_with_the_same_token() -> None:
    log = Printing()
    log.print("a", "b")
    token = log.page().forward_token

    assert log.page(replace(HEAD, token=token)).forward_token == token
    log.print("  b2", "c", at_ms=10_010)
    assert log.messages(replace(HEAD, token=token)) == ["b\n  b2"]


@pytest.mark.parametrize("token", ["", "f/1/s", "nonsense", "f/" + "0" * 56 + "/s", "b/" + "9" * 56 + "/s"])
def test_a_token_of_another_make_is_refused(token: str) -> None:
    log = Printing()
    log.print("a")

    if token:
        with pytest.raises(ValidationFailed, match="nextToken is invalid"):
            log.page(replace(HEAD, token=token))
    else:
        assert log.messages(replace(HEAD, token=token)) == log.messages()


def test_a_token_of_another_stream_is_refused() -> None:
    log = Printing()
    log.print("a")
    other = Printing(log.api, "other")
    other.print("a")
    name = next(s.name for s in log.api.log_reading.streams(query()).streams if s.job_id == other.id)

    with pytest.raises(ValidationFailed, match="nextToken is invalid"):
        log.api.log_reading.events(*OWNER, name, replace(HEAD, token=log.page().forward_token))


def test_there_is_no_group_before_something_was_printed() -> None:
    log = Printing()
    reading = log.api.log_reading

    with pytest.raises(LogNotFound, match="log group does not exist"):
        reading.streams(query())
    with pytest.raises(LogNotFound, match="log group does not exist"):
        reading.events(*OWNER, "job/algo-1-1", HEAD)
    assert reading.group_created_ms(*OWNER) is None
    log.print("a")
    assert reading.group_created_ms(*OWNER) == 10_000
    with pytest.raises(LogNotFound, match="log stream does not exist"):
        reading.events(*OWNER, "job/algo-1-1", HEAD)


def query(**changes: object) -> StreamQuery:
    asked = StreamQuery(account=OWNER[0], region=OWNER[1], limit=50)
    return replace(asked, **changes)  # type: ignore[arg-type]  # changes are its fields


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


class Pollers:
    """One goes on by token; the other, as SageMaker's SDK does, by the last moment and the count printed with it."""

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


DATA = st.sampled_from(["", "a", " b", "  c", "\td"])
STEP = st.lists(DATA, min_size=1, max_size=6) | st.integers(0, 1500) | st.sampled_from(["rest", "poll"])


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEP, max_size=25), limit=st.integers(1, 4))
def test_pollers_of_both_kinds_see_every_event_once_however_the_lines_come(
    steps: list[list[str] | str | int], limit: int
) -> None:
    log = Printing()
    pollers = Pollers(log, limit)
    at_ms = 10_000
    for step in steps:
        if isinstance(step, list):
            log.print(*step, at_ms=at_ms)
        elif isinstance(step, int):
            at_ms += step
        elif step == "rest":
            log.rest()
        else:
            pollers.poll()
    log.end()
    pollers.poll()

    everything = log.messages() if log.printed else []
    assert pollers.by_token == pollers.by_time == everything


def test_line_behind_empty_ones_does_not_join_an_event_that_was_shown() -> None:
    log = Printing()
    log.print("a")
    log.rest()
    assert log.messages() == ["a"]

    log.print("")
    log.print("", "")
    log.print(" b")
    log.print("  c")
    log.end()

    assert log.messages() == ["a", " b\n  c"]


class _Counting(SettlingLog):
    """Counts the lines that are asked for."""

    lines_read = 0

    def read(self, job_id: JobId, index: int, from_seq: int, limit: int) -> Sequence[LogLine]:
        self.lines_read += limit
        return super().read(job_id, index, from_seq, limit)


@pytest.mark.parametrize("limit", [1, 2_600])
def test_a_page_reads_one_line_more_than_it_shows(limit: int) -> None:
    log = Printing()
    log.print(*["line"] * 6_000)
    logs = _Counting(log.api.logs, log.api.clock)
    reading = LogReading(logs=logs, activity=log.api.logs)

    page = reading.events(*OWNER, log.stream.name, replace(HEAD, limit=limit))

    assert (len(page.events), logs.lines_read) == (limit, limit + 1)
