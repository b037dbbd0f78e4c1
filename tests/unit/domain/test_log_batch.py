"""The events of a container's log, and the cursor after them: a reader may stop and resume anywhere."""

import random

from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.domain.job import NANOSECONDS, LogCursor
from processing_emulator.domain.log_batch import OutputEvents, UnstoredLines
from processing_emulator.domain.log_events import RawLine

SECOND = 1_800_000_000


def lines_of(*data: bytes) -> list[RawLine]:
    return [RawLine(SECOND * NANOSECONDS + number * 1_000_000, line) for number, line in enumerate(data)]


def test_the_cursor_stays_before_the_open_event() -> None:
    output = OutputEvents(LogCursor())

    assert [event.message for event in output.feed(lines_of(b"a", b"b", b" b2"), 0.0)] == ["a"]
    assert output.cursor.lines == 1
    assert [event.message for event in output.close()] == ["b\n b2"]
    assert output.cursor.lines == 3


def test_empty_lines_move_the_cursor_unless_an_event_is_open() -> None:
    output = OutputEvents(LogCursor())

    output.feed(lines_of(b"", b""), 0.0)
    assert output.cursor.lines == 2
    output.feed(lines_of(b"a", b"", b""), 0.0)
    assert output.cursor.lines == 2
    output.close()
    assert output.cursor.lines == 5


def test_the_age_of_the_open_event_counts_from_its_first_line() -> None:
    output = OutputEvents(LogCursor())
    assert output.seconds_open(0.0) is None

    output.feed(lines_of(b"a"), 10.0)
    output.feed(lines_of(b" a2"), 10.5)
    assert output.seconds_open(11.0) == 1.0
    output.feed(lines_of(b"b"), 11.5)
    assert output.seconds_open(11.5) == 0.0
    output.close()
    assert output.seconds_open(12.0) is None


def test_times_do_not_go_back_after_a_restart() -> None:
    first, late = RawLine(SECOND * NANOSECONDS, b"a"), RawLine((SECOND - 1) * NANOSECONDS + 5, b"b")
    before = OutputEvents(LogCursor())
    before.feed([first], 0.0)
    [shown] = before.close()

    after = OutputEvents(before.cursor)
    after.feed([late], 0.0)

    assert after.close()[0].at_ms == shown.at_ms


@given(
    data=st.lists(st.sampled_from([b"", b"a", b" b", b"  c"]), min_size=1, max_size=60),
    seed=st.integers(),
)
def test_readers_that_are_killed_and_resume_store_every_line_once_and_in_order(data: list[bytes], seed: int) -> None:
    dice = random.Random(seed)
    stamps = sorted(SECOND * NANOSECONDS + dice.randrange(5 * NANOSECONDS) for _ in data)
    for i in range(len(stamps) - 1):  # stdout and stderr are stamped independently
        if stamps[i + 1] - stamps[i] < NANOSECONDS and dice.random() < 0.3:
            stamps[i], stamps[i + 1] = stamps[i + 1], stamps[i]
    log = [
        RawLine(stamp, b"%s%d" % (line, number) if line else b"")
        for number, (stamp, line) in enumerate(zip(stamps, data, strict=True))
    ]
    cursor, stored = LogCursor(), []

    while cursor.lines < len(log):
        unstored = UnstoredLines(cursor)
        resumed = unstored.of([line for line in log if line.at_ns >= cursor.second * NANOSECONDS])
        assert not unstored.lost
        output = OutputEvents(cursor)
        events = output.feed(resumed[: dice.randint(0, len(resumed))], 0.0)
        if dice.random() < 0.5:  # held long enough, or the end
            events += output.close()
        stored += events
        cursor = output.cursor

    assert [part for event in stored for part in event.message.split("\n")] == [
        line.data.decode() for line in log if line.data
    ]
    assert [event.at_ms for event in stored] == sorted(event.at_ms for event in stored)
