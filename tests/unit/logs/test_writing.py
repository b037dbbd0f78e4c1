"""What clients write to CloudWatch Logs: which events are taken, what readers see of late ones, what expires."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.domain.log_events import LogEvent
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import LogNotFound, ValidationFailed
from processing_emulator.logs.filtering import LogFiltering
from processing_emulator.logs.reading import EventQuery, LogReading
from processing_emulator.logs.retention import DAY_MS, LogRetention
from processing_emulator.logs.writing import NEWEST_MS, OLDEST_MS, LogWriting, Rejected
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.unit.jobs.job_requests import START, StepClock
from tests.unit.logs.test_filtering import EVERYTHING, messages_of

GROUP = LogGroupKey("000000000000", "us-east-1", "/app")
NOW_MS = int(START.timestamp() * 1000)
NONE = Rejected(expired_end=None, too_old_end=None, too_new_start=None)


class FixedClock:
    """Time stands still."""

    def now(self) -> datetime:
        """See the port."""
        return START

    def monotonic(self) -> float:
        """See the port."""
        return 0.0


class Room:
    """A group with an empty stream `s`, and everything that reads and writes it."""

    def __init__(self) -> None:
        self.logs = MemoryLogStore(MemoryJobStore())
        self.clock = FixedClock()
        self.writing = LogWriting(self.logs, self.clock)
        self.reading = LogReading(self.logs)
        self.writing.create_group(GROUP, {})
        self.writing.create_stream(GROUP, "s")

    def put(self, *offsets_ms: int, text: str = "") -> Rejected:
        """Events named after how far they are from now."""
        events = [LogEvent(NOW_MS + offset, f"{text}{offset}") for offset in offsets_ms]
        return self.writing.put_events(GROUP, "s", events)

    def messages(self) -> list[str]:
        page = self.reading.events(GROUP, "s", EventQuery(from_head=True))
        return [event.message for event in page.events]


@pytest.fixture
def room() -> Room:
    return Room()


def test_events_that_are_too_old_or_too_new_are_not_taken(room: Room) -> None:
    rejected = room.put(-OLDEST_MS - 1, -OLDEST_MS, -OLDEST_MS + 5, NEWEST_MS + 1, NEWEST_MS + 2)
    assert rejected == Rejected(expired_end=None, too_old_end=1, too_new_start=3)
    assert room.put(0, NEWEST_MS) == NONE
    assert room.messages() == [str(offset) for offset in (-OLDEST_MS, -OLDEST_MS + 5, 0, NEWEST_MS)]


def test_events_that_have_expired_are_not_taken(room: Room) -> None:
    room.writing.set_retention(GROUP, 1)

    assert room.put(-DAY_MS - 1, -DAY_MS) == Rejected(expired_end=1, too_old_end=None, too_new_start=None)
    assert room.messages() == [str(-DAY_MS)]


def test_a_batch_of_rejected_events_only_stores_nothing(room: Room) -> None:
    assert room.put(-OLDEST_MS - 2, -OLDEST_MS - 1).too_old_end == 2
    assert room.messages() == []


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([LogEvent(NOW_MS, "a"), LogEvent(NOW_MS - 1, "b")], "chronological order"),
        ([LogEvent(NOW_MS - DAY_MS - 1, "a"), LogEvent(NOW_MS, "b")], "24 hours"),
        ([LogEvent(NOW_MS, "x" * 1024**2)], "Upload too large: 1048602 bytes exceeds limit of 1048576"),
        ([LogEvent(NOW_MS, "ä" * 300_000)] * 2, "Upload too large"),
    ],
)
def test_a_wrong_batch_is_refused_whole(room: Room, events: Sequence[LogEvent], text: str) -> None:
    with pytest.raises(ValidationFailed, match=text):
        room.writing.put_events(GROUP, "s", events)
    assert room.messages() == []


def test_the_largest_batch_is_taken(room: Room) -> None:
    assert room.writing.put_events(GROUP, "s", [LogEvent(NOW_MS, "x" * (1024**2 - 26))]) == NONE


def test_text_that_has_no_utf8_is_stored_with_question_marks(room: Room) -> None:
    room.writing.put_events(GROUP, "s", [LogEvent(NOW_MS, "a\ud800b\0")])
    assert room.messages() == ["a?b\0"]


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_database_holds_is_refused(room: Room, name: str) -> None:
    with pytest.raises(ValidationFailed, match="surrogate"):
        room.writing.create_stream(GROUP, name)


def test_expired_events_are_deleted(room: Room) -> None:
    room.put(-5 * DAY_MS)
    room.put(-2 * DAY_MS)
    room.put(0)
    retention = LogRetention(room.logs, room.clock, 60)
    assert retention.sweep() == 0
    room.writing.set_retention(GROUP, 3)

    assert retention.sweep() > 0
    assert room.messages() == [str(-2 * DAY_MS), "0"]
    assert retention.sweep() == 0


def test_the_service_deletes_at_start_and_can_be_stopped(room: Room) -> None:
    room.put(-5 * DAY_MS)
    room.writing.set_retention(GROUP, 3)
    retention = LogRetention(room.logs, room.clock, 3600)
    retention.start()
    retention.stop()
    assert room.messages() == []


def test_a_store_that_is_down_does_not_end_the_service() -> None:
    jobs = MemoryJobStore()
    retention = LogRetention(MemoryLogStore(jobs), StepClock(), 3600)
    jobs.go_down()
    retention.start()
    retention.stop()


@settings(max_examples=150, deadline=None)
@given(
    early=st.lists(st.integers(0, 6), min_size=1, max_size=10).map(sorted),
    late=st.lists(st.integers(0, 6), max_size=10).map(sorted),
    limit=st.integers(1, 4),
    read_pages=st.integers(0, 3),
)
def test_late_events_neither_repeat_nor_hide_what_a_reader_sees(
    early: list[int], late: list[int], limit: int, read_pages: int
) -> None:
    room = Room()
    room.put(*early, text="early ")
    query = EventQuery(from_head=True, limit=limit)
    seen, token = [], None
    for number in range(100):
        if number == read_pages:
            room.writing.put_events(GROUP, "s", [LogEvent(NOW_MS + at, f"late {at}") for at in late] or [])
        page = room.reading.events(GROUP, "s", replace(query, token=token))
        if not page.events and number > read_pages:
            break
        seen += [event.message for event in page.events]
        token = page.forward_token

    assert [message for message in seen if message.startswith("early")] == [f"early {at}" for at in early]
    assert len([message for message in seen if message.startswith("late")]) <= len(late)


def test_a_search_goes_on_when_late_events_come(room: Room) -> None:
    room.put(1, 2, 3, 4)
    filtering = LogFiltering(room.logs)
    query = replace(EVERYTHING, group=GROUP, limit=2)
    first = filtering.page(query)
    room.put(0, 1, text="late ")

    assert messages_of(filtering, replace(query, token=first.next_token)) == ["3", "4"]


def test_deleted_groups_and_streams_are_not_found(room: Room) -> None:
    room.put(1)
    token = room.reading.events(GROUP, "s", EventQuery()).forward_token
    room.writing.delete_stream(GROUP, "s")
    with pytest.raises(LogNotFound):
        room.messages()
    room.writing.create_stream(GROUP, "s")
    with pytest.raises(ValidationFailed, match="nextToken is invalid"):
        room.reading.events(GROUP, "s", EventQuery(token=token))
    room.writing.delete_group(GROUP)
    with pytest.raises(LogNotFound):
        room.writing.set_retention(GROUP, 1)
