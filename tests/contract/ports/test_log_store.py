"""What every LogStore does: every event once, in order, numbered from 0, the cursor moved with them."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, LogEvent, StoredEvent
from processing_emulator.domain.log_names import LogStreamId
from processing_emulator.errors import JobNotFound, StaleJob
from processing_emulator.ports import OutputBatch
from tests.contract.ports.stores import LIMITS, PortStores, add_instance, add_job, output_of, race
from tests.log_batches import a_batch

UNKNOWN = JobId(4711)
MANY = 2**40


def append(stores: PortStores, job_id: JobId, batch: OutputBatch, *, index: int = 0) -> None:
    stores.logs.append_output(job_id, index, batch)


def cursor_of(stores: PortStores, job_id: JobId, index: int = 0) -> LogCursor:
    return stores.jobs.list_instances(job_id)[index].cursor


def stream_of(stores: PortStores, job_id: JobId, index: int = 0) -> LogStreamId:
    stream = stores.logs.output_stream(job_id, index)
    assert stream is not None
    return stream.id


def messages_of(stores: PortStores, job_id: JobId, index: int = 0) -> list[str]:
    return [event.message for event in output_of(stores.logs, job_id, index)]


def test_silent_instance_has_no_stream(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    assert stores.logs.output_stream(job_id, 0) is None
    assert cursor_of(stores, job_id) == LogCursor()


def test_unknown_stream_has_no_events(stores: PortStores) -> None:
    unknown = LogStreamId(4711)
    for forward in (True, False):
        assert list(stores.logs.read(unknown, 5, forward=forward, limit=10, most_bytes=MANY)) == []
    assert stores.logs.find_time(unknown, 0) is None
    assert stores.logs.output_stream(UNKNOWN, 0) is None


def test_events_are_numbered_and_keep_their_times(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, a_batch("a", "b", at_ms=50, step_ms=7, ingested_at_ms=70))
    append(stores, job_id, a_batch("c", at_ms=60, ingested_at_ms=80, after_lines=2))
    assert output_of(stores.logs, job_id) == [
        StoredEvent(0, 50, 70, "a"),
        StoredEvent(1, 57, 70, "b"),
        StoredEvent(2, 60, 80, "c"),
    ]


def test_cursor_moves_with_the_events(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    cursor = LogCursor(newest_ns=1_767_323_045_000_000_001, lines_in_second=2, lines_in_newest=1, lines=7)
    append(stores, job_id, replace(a_batch("a", "b"), read_to=cursor))
    assert cursor_of(stores, job_id) == cursor


def test_cursor_can_move_without_events(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, a_batch("a"))
    moved = LogCursor(newest_ns=9, lines=4)
    append(stores, job_id, replace(a_batch(after_lines=1), read_to=moved))
    assert cursor_of(stores, job_id) == moved
    assert messages_of(stores, job_id) == ["a"]


def test_cursor_that_moves_over_empty_lines_makes_no_stream(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, replace(a_batch(), read_to=LogCursor(lines=3)))
    assert stores.logs.output_stream(job_id, 0) is None
    assert stores.logs.list_groups("000000000000", "us-east-1") == []


@pytest.mark.parametrize(
    "message",
    [
        " ",
        "a\nb\n  c",
        "\n",
        "\x00\x01\ufffd",
        "grün 🟢\u2028│",
        "\udbff\udfff".encode("utf-16", "surrogatepass").decode("utf-16"),
        "x" * 300_000,
    ],
    ids=["blank", "lines", "newline", "control", "unicode", "last character", "long"],
)
def test_any_text_comes_back_as_it_was(stores: PortStores, message: str) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, a_batch(message))
    append(stores, job_id, a_batch("between", message, message, at_ms=2_000, after_lines=1))
    assert messages_of(stores, job_id) == [message, "between", message, message]


def test_times_may_be_equal_or_far_apart(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    times = [0, 0, 5, 400 * 86_400_000, 400 * 86_400_000]
    append(stores, job_id, replace(a_batch(*"abcde"), events=[LogEvent(at_ms, "x") for at_ms in times]))
    assert [event.at_ms for event in output_of(stores.logs, job_id)] == times


def test_instances_and_jobs_have_separate_streams(stores: PortStores) -> None:
    job_id, other = add_instance(stores.jobs, "a"), add_instance(stores.jobs, "b")
    stores.jobs.ensure_instances(job_id, [LIMITS] * 2)
    append(stores, job_id, a_batch("first"))
    append(stores, job_id, a_batch("second", "second"), index=1)
    append(stores, other, a_batch("other"))
    assert messages_of(stores, job_id) == ["first"]
    assert messages_of(stores, job_id, 1) == ["second", "second"]
    assert messages_of(stores, other) == ["other"]
    assert [record.cursor.lines for record in stores.jobs.list_instances(job_id)] == [1, 2]


@pytest.mark.parametrize("after_lines", [1, 3, 0])
def test_batch_that_does_not_follow_is_stale_and_leaves_nothing(stores: PortStores, after_lines: int) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, a_batch("a", "b"))
    before = cursor_of(stores, job_id)
    for batch in (
        a_batch("c", after_lines=after_lines),
        replace(a_batch(after_lines=after_lines), read_to=LogCursor()),
    ):
        with pytest.raises(StaleJob):
            append(stores, job_id, batch)
    assert messages_of(stores, job_id) == ["a", "b"]
    assert cursor_of(stores, job_id) == before


@pytest.mark.parametrize("index", [0, 1])
def test_batch_of_an_unknown_instance_is_not_found(stores: PortStores, index: int) -> None:
    job_id = UNKNOWN if index == 0 else add_instance(stores.jobs)
    with pytest.raises(JobNotFound):
        append(stores, job_id, a_batch("a"), index=index)
    assert stores.logs.output_stream(job_id, index) is None


def test_logging_leaves_the_job_as_it_is(stores: PortStores) -> None:
    job = add_job(stores.jobs)
    stores.jobs.ensure_instances(job.id, [LIMITS])
    append(stores, job.id, a_batch("a"))
    assert stores.jobs.get(job.id) == job


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_any_range_can_be_read_in_both_directions_however_the_events_came(stores: PortStores, size: int) -> None:
    job_id = add_instance(stores.jobs)
    total = 3000 if size == 1000 else 60 * size
    messages = [f"line {number} {'.' * (number * 37 % 300)}" for number in range(total)]
    for start in range(0, total, size):
        append(stores, job_id, a_batch(*messages[start : start + size], at_ms=start, after_lines=start))
    stream = stream_of(stores, job_id)
    for seq in (-5, 0, 1, total // 2, total - 1, total, total + 5):
        for limit in (-1, 0, 1, 10, total):
            forward = stores.logs.read(stream, seq, forward=True, limit=limit, most_bytes=MANY)
            backward = stores.logs.read(stream, seq, forward=False, limit=limit, most_bytes=MANY)
            start = max(0, seq)
            assert [event.seq for event in forward] == list(range(total))[start:][: max(0, limit)]
            assert [event.seq for event in backward] == list(range(total))[:start][
                max(0, min(start, total) - max(0, limit)) :
            ]
            assert all(event.message == messages[event.seq] for event in (*forward, *backward))


def test_a_page_is_limited_in_bytes_but_has_one_event(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, a_batch(*["x" * 1000] * 200))
    stream = stream_of(stores, job_id)
    for fitting, most_bytes in ((1, 1), (1, 1026), (1, 2051), (2, 2052), (150, 150 * (1000 + EVENT_OVERHEAD_BYTES))):
        forward = stores.logs.read(stream, 3, forward=True, limit=1000, most_bytes=most_bytes)
        backward = stores.logs.read(stream, 190, forward=False, limit=1000, most_bytes=most_bytes)
        assert [event.seq for event in forward] == list(range(3, 3 + fitting))
        assert [event.seq for event in backward] == list(range(190 - fitting, 190))


@pytest.mark.parametrize("size", [1, 9000])
def test_the_first_event_at_or_after_a_time_is_found(stores: PortStores, size: int) -> None:
    job_id = add_instance(stores.jobs)
    times = [100, 100, 105, 105, *range(110, 130)]
    for seq, at_ms in enumerate(times):
        append(stores, job_id, a_batch("x" * size, at_ms=at_ms, after_lines=seq))

    found = {
        at_ms: stores.logs.find_time(stream_of(stores, job_id), at_ms) for at_ms in (0, 100, 101, 105, 106, 129, 130)
    }

    assert found == {0: 0, 100: 0, 101: 2, 105: 2, 106: 4, 129: len(times) - 1, 130: None}


def test_of_racing_appends_exactly_one_wins(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, a_batch("first"))
    batches = [a_batch(f"{number}", f"{number}", at_ms=2_000, after_lines=1) for number in range(6)]
    results = race([partial(append, stores, job_id, batch) for batch in batches])
    assert results.count(None) == 1
    assert sum(isinstance(result, StaleJob) for result in results) == 5
    winner = batches[results.index(None)]
    assert messages_of(stores, job_id) == ["first", *(event.message for event in winner.events)]
    assert cursor_of(stores, job_id).lines == 3


def test_instances_that_print_at_once_do_not_disturb_each_other(stores: PortStores) -> None:
    job = add_job(stores.jobs)
    stores.jobs.ensure_instances(job.id, [LIMITS] * 4)

    def print_lines(index: int) -> None:
        for seq in range(40):
            append(stores, job.id, a_batch(f"{index}:{seq}", at_ms=seq, after_lines=seq), index=index)

    assert race([partial(print_lines, index) for index in range(4)]) == [None] * 4
    for index in range(4):
        assert messages_of(stores, job.id, index) == [f"{index}:{seq}" for seq in range(40)]


@pytest.mark.parametrize("forward", [True, False])
def test_reader_sees_whole_appends_while_another_thread_appends(stores: PortStores, forward: bool) -> None:
    job_id = add_instance(stores.jobs)
    size = 50
    append(stores, job_id, a_batch(*map(str, range(size)), at_ms=0))
    stream = stream_of(stores, job_id)
    done = threading.Event()

    def write() -> None:
        try:
            for start in range(size, 60 * size, size):
                append(stores, job_id, a_batch(*map(str, range(start, start + size)), at_ms=start, after_lines=start))
        finally:
            done.set()

    def read() -> set[int]:
        lengths = set[int]()
        while not done.is_set():
            events = stores.logs.read(stream, 0 if forward else 10**9, forward=forward, limit=10_000, most_bytes=MANY)
            assert [event.message for event in events] == list(map(str, range(len(events))))
            lengths.add(len(events))
        return lengths

    _, lengths = race([write, read])
    assert isinstance(lengths, set)
    assert all(length % size == 0 for length in lengths)
    assert len(output_of(stores.logs, job_id)) == 60 * size


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 2**40),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=40) | st.just("z" * 16_384),
    ),
    max_size=12,
)


def test_any_sequence_of_batches_reads_back_as_one_list(stores: PortStores) -> None:
    numbers = count()

    @settings(max_examples=40, deadline=None)
    @given(parts=st.lists(EVENTS, max_size=12), seq=st.integers(0, 150), limit=st.integers(0, 150))
    def check(parts: list[list[tuple[int, str]]], seq: int, limit: int) -> None:
        job_id = add_instance(stores.jobs, f"job-{next(numbers)}")
        at_ms = 0
        expected: list[LogEvent] = []
        for part in parts:
            events = []
            for step, message in part:
                at_ms += step
                events.append(LogEvent(at_ms, message))
            append(stores, job_id, replace(a_batch(*"x" * len(part), after_lines=len(expected)), events=events))
            expected += events
        assert [event[1::2] for event in output_of(stores.logs, job_id)] == expected
        if expected:
            page: Sequence[StoredEvent] = stores.logs.read(
                stream_of(stores, job_id), seq, forward=True, limit=limit, most_bytes=MANY
            )
            assert [(event.seq, event.message) for event in page] == [
                (number, event.message) for number, event in list(enumerate(expected))[seq : seq + limit]
            ]

    check()
