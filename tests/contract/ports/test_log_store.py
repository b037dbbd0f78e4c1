"""What every LogStore does: every line once, in order, numbered from 0, the cursor moved with them."""

import threading
from collections.abc import Sequence
from functools import partial
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.domain.log_events import LogLine
from processing_emulator.errors import InternalBug, JobNotFound, StaleJob
from processing_emulator.ports import RawLine

from tests.contract.ports.stores import LIMITS, PortStores, add_instance, add_job, race

UNKNOWN = JobId(4711)
START_NS = 1_767_323_045_678_901_234


def raw(*data: bytes) -> list[RawLine]:
    return [RawLine(at_ns=START_NS + number * 1_500_000, data=line) for number, line in enumerate(data)]


def append(stores: PortStores, job_id: JobId, lines: Sequence[RawLine], *, index: int = 0, seq: int = 0) -> None:
    """Append lines whose first one is number `seq`."""
    stores.logs.append(job_id, index, lines, LogCursor(second=1, lines_in_second=1, next_seq=seq + len(lines)))


def cursor_of(stores: PortStores, job_id: JobId, index: int = 0) -> LogCursor:
    return stores.jobs.list_instances(job_id)[index].cursor


def data_of(lines: Sequence[LogLine]) -> list[bytes]:
    return [line.data for line in lines]


def test_silent_instance_has_no_lines(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    assert list(stores.logs.read(job_id, 0, 0, 10)) == []
    assert cursor_of(stores, job_id) == LogCursor()


def test_unknown_instance_has_no_lines(stores: PortStores) -> None:
    assert list(stores.logs.read(UNKNOWN, 0, 0, 10)) == []


def test_lines_are_numbered_from_zero_and_stamped_in_whole_milliseconds(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, [RawLine(at_ns=1_999_999, data=b"a"), RawLine(at_ns=START_NS, data=b"b")])
    assert list(stores.logs.read(job_id, 0, 0, 10)) == [
        LogLine(seq=0, at_ms=1, data=b"a"),
        LogLine(seq=1, at_ms=1_767_323_045_678, data=b"b"),
    ]


def test_cursor_moves_with_the_lines(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    cursor = LogCursor(second=1_767_323_045, lines_in_second=2, lines_in_newest=1, next_seq=2)
    stores.logs.append(job_id, 0, raw(b"a", b"b"), cursor)
    assert cursor_of(stores, job_id) == cursor


def test_cursor_can_move_without_lines(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, raw(b"a"))
    moved = LogCursor(second=9, lines_in_second=0, next_seq=1)
    stores.logs.append(job_id, 0, [], moved)
    assert cursor_of(stores, job_id) == moved
    assert data_of(stores.logs.read(job_id, 0, 0, 10)) == [b"a"]


def test_lines_of_later_calls_follow(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, raw(b"a", b"b"))
    append(stores, job_id, raw(b"c"), seq=2)
    append(stores, job_id, raw(b"d", b"e"), seq=3)
    lines = stores.logs.read(job_id, 0, 0, 10)
    assert [(line.seq, line.data) for line in lines] == list(enumerate([b"a", b"b", b"c", b"d", b"e"]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"\r",
        b"\x00\xff\xfe",
        b"\x80abc",
        "grün 🟢".encode(),
        b"x" * 16_384,
        bytes(b for b in range(256) if b != 10),
    ],
)
def test_any_bytes_come_back_as_they_were(stores: PortStores, data: bytes) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, raw(data))
    append(stores, job_id, raw(b"between", data, data), seq=1)
    assert data_of(stores.logs.read(job_id, 0, 0, 10)) == [data, b"between", data, data]


def test_stamps_may_go_back_and_far(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    stamps = [START_NS, START_NS - 7_000_000, 0, START_NS + 400 * 86_400 * 10**9, START_NS]
    append(stores, job_id, [RawLine(at_ns=stamp, data=b"x") for stamp in stamps])
    assert [line.at_ms for line in stores.logs.read(job_id, 0, 0, 10)] == [stamp // 1_000_000 for stamp in stamps]


def test_instances_and_jobs_have_logs_of_their_own(stores: PortStores) -> None:
    job_id, other = add_instance(stores.jobs, "a"), add_instance(stores.jobs, "b")
    stores.jobs.ensure_instance(job_id, 1, LIMITS)
    append(stores, job_id, raw(b"first"))
    append(stores, job_id, raw(b"second", b"second"), index=1)
    append(stores, other, raw(b"other"))
    assert data_of(stores.logs.read(job_id, 0, 0, 10)) == [b"first"]
    assert data_of(stores.logs.read(job_id, 1, 0, 10)) == [b"second", b"second"]
    assert data_of(stores.logs.read(other, 0, 0, 10)) == [b"other"]
    assert [record.cursor.next_seq for record in stores.jobs.list_instances(job_id)] == [1, 2]


@pytest.mark.parametrize("seq", [1, 3, 0])
def test_append_that_does_not_follow_is_stale_and_leaves_nothing(stores: PortStores, seq: int) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, raw(b"a", b"b"))
    before = cursor_of(stores, job_id)
    with pytest.raises(StaleJob):
        append(stores, job_id, raw(b"c"), seq=seq)
    assert data_of(stores.logs.read(job_id, 0, 0, 10)) == [b"a", b"b"]
    assert cursor_of(stores, job_id) == before


def test_move_of_the_cursor_alone_is_checked_too(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    with pytest.raises(StaleJob):
        stores.logs.append(job_id, 0, [], LogCursor(second=9, next_seq=1))
    assert cursor_of(stores, job_id) == LogCursor()


@pytest.mark.parametrize("index", [0, 1])
def test_append_to_an_unknown_instance_is_not_found(stores: PortStores, index: int) -> None:
    job_id = UNKNOWN if index == 0 else add_instance(stores.jobs)
    with pytest.raises(JobNotFound):
        append(stores, job_id, raw(b"a"), index=index)
    assert list(stores.logs.read(job_id, index, 0, 10)) == []


def test_line_with_a_newline_is_a_bug_and_leaves_nothing(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    with pytest.raises(InternalBug):
        append(stores, job_id, raw(b"good", b"b\nad"))
    assert list(stores.logs.read(job_id, 0, 0, 10)) == []
    assert cursor_of(stores, job_id) == LogCursor()


def test_logging_leaves_the_job_as_it_is(stores: PortStores) -> None:
    job = add_job(stores.jobs)
    stores.jobs.ensure_instance(job.id, 0, LIMITS)
    append(stores, job.id, raw(b"a"))
    assert stores.jobs.get(job.id) == job


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_any_range_can_be_read_however_the_lines_came(stores: PortStores, batch: int) -> None:
    job_id = add_instance(stores.jobs)
    total = 3000 if batch == 1000 else 60 * batch
    lines = raw(*(b"line %d %s" % (number, b"." * (number * 37 % 300)) for number in range(total)))
    for start in range(0, total, batch):
        append(stores, job_id, lines[start : start + batch], seq=start)
    for from_seq in (0, 1, total // 2, total - 1, total, total + 5):
        for limit in (1, 10, total):
            expected = [
                LogLine(seq=seq, at_ms=lines[seq].at_ns // 1_000_000, data=lines[seq].data)
                for seq in range(from_seq, min(from_seq + limit, total))
            ]
            assert list(stores.logs.read(job_id, 0, from_seq, limit)) == expected


def test_nothing_is_read_for_no_limit_and_a_negative_start_is_the_start(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, raw(b"a", b"b"))
    assert list(stores.logs.read(job_id, 0, 0, 0)) == []
    assert list(stores.logs.read(job_id, 0, 0, -1)) == []
    assert data_of(stores.logs.read(job_id, 0, -5, 1)) == [b"a"]


def test_of_racing_appends_exactly_one_wins(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    append(stores, job_id, raw(b"first"))
    batches = [raw(b"%d" % number, b"%d" % number) for number in range(6)]
    results = race([partial(append, stores, job_id, batch, seq=1) for batch in batches])
    assert results.count(None) == 1
    assert sum(isinstance(result, StaleJob) for result in results) == 5
    winner = batches[results.index(None)]
    assert data_of(stores.logs.read(job_id, 0, 0, 10)) == [b"first", winner[0].data, winner[1].data]
    assert cursor_of(stores, job_id).next_seq == 3


def test_instances_that_print_at_once_do_not_disturb_each_other(stores: PortStores) -> None:
    job = add_job(stores.jobs)
    for index in range(4):
        stores.jobs.ensure_instance(job.id, index, LIMITS)

    def print_lines(index: int) -> None:
        for seq in range(40):
            append(stores, job.id, raw(b"%d:%d" % (index, seq)), index=index, seq=seq)

    assert race([partial(print_lines, index) for index in range(4)]) == [None] * 4
    for index in range(4):
        lines = stores.logs.read(job.id, index, 0, 100)
        assert data_of(lines) == [b"%d:%d" % (index, seq) for seq in range(40)]


def test_reader_sees_whole_appends_while_another_thread_appends(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    batch = 50
    done = threading.Event()

    def write() -> None:
        try:
            for start in range(0, 60 * batch, batch):
                append(stores, job_id, raw(*(b"%d" % (start + number) for number in range(batch))), seq=start)
        finally:
            done.set()

    def read() -> set[int]:
        lengths = set[int]()
        while not done.is_set():
            lines = stores.logs.read(job_id, 0, 0, 10_000)
            assert data_of(lines) == [b"%d" % number for number in range(len(lines))]
            lengths.add(len(lines))
        return lengths

    _, lengths = race([write, read])
    assert isinstance(lengths, set)
    assert all(length % batch == 0 for length in lengths)
    assert len(stores.logs.read(job_id, 0, 0, 10_000)) == 60 * batch


LINES = st.lists(
    st.builds(
        RawLine,
        at_ns=st.integers(0, 2**62),
        data=st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")) | st.just(b"z" * 16_384),
    ),
    max_size=12,
)


def test_any_sequence_of_appends_reads_back_as_one_list(stores: PortStores) -> None:
    numbers = count()

    @settings(max_examples=40, deadline=None)
    @given(batches=st.lists(LINES, max_size=12), from_seq=st.integers(0, 150), limit=st.integers(0, 150))
    def check(batches: list[list[RawLine]], from_seq: int, limit: int) -> None:
        job_id = add_instance(stores.jobs, f"job-{next(numbers)}")
        lines: list[RawLine] = []
        for batch in batches:
            append(stores, job_id, batch, seq=len(lines))
            lines += batch
        expected = [LogLine(seq=seq, at_ms=line.at_ns // 1_000_000, data=line.data) for seq, line in enumerate(lines)]
        assert list(stores.logs.read(job_id, 0, from_seq, limit)) == expected[from_seq : from_seq + limit]

    check()
