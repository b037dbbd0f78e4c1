"""From lines to events (spec 5.2)."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processing_emulator.domain.log_events import (
    BLOCK_LINES,
    JOIN_MS,
    LONGEST_EVENT_BYTES,
    PIECE_BYTES,
    EventMaker,
    LogEvent,
    LogLine,
)

FULL = b"x" * PIECE_BYTES


def lines_of(*data: bytes, at_ms: int = 5000, step_ms: int = 1, seq: int = 0) -> list[LogLine]:
    return [LogLine(seq=seq + number, at_ms=at_ms + number * step_ms, data=line) for number, line in enumerate(data)]


def events_of(lines: Sequence[LogLine], latest_ms: int = 0) -> list[LogEvent]:
    maker = EventMaker(latest_ms)
    return [*maker.feed(lines), *maker.finish()]


def messages_of(*data: bytes) -> list[str]:
    return [event.message for event in events_of(lines_of(*data))]


def test_30_a_traceback_is_one_event_and_its_last_line_another() -> None:
    assert messages_of(
        b"Traceback (most recent call last):", b'  File "a.py"', b"    f()", b"ValueError: x", b"on"
    ) == [
        'Traceback (most recent call last):\n  File "a.py"\n    f()',
        "ValueError: x",
        "on",
    ]


def test_empty_lines_are_no_events_and_part_none() -> None:
    assert messages_of(b"", b"a", b"", b" b", b"", b"", b"c", b"") == ["a\n b", "c"]


def test_an_indented_first_line_is_an_event() -> None:
    assert messages_of(b"  a", b"b") == ["  a", "b"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\tat x", "#011at x"),
        (b" 10%\r 20%\r", " 10%#015 20%#015"),
        (b"\x1b[31mred\x1b[0m", "#033[31mred#033[0m"),
        (b"\x00\x07\x7f", "#000#007#177"),
        ("soft\u00adhyphen".encode(), "soft\u00adhyphen"),
        (b"half \xff", "half \ufffd"),
        ("grün 🟢 │".encode(), "grün 🟢 │"),
        (b"\xff\xfeok", "\ufffd\ufffdok"),
    ],
)
def test_control_characters_are_written_in_octal(data: bytes, message: str) -> None:
    assert messages_of(data) == [message]


def test_a_line_that_starts_with_a_tab_starts_an_event() -> None:
    assert messages_of(b"a", b"\tb") == ["a", "#011b"]


def test_30_what_follows_a_full_piece_is_an_event_of_its_own() -> None:
    assert messages_of(FULL, b" rest", b" more") == [FULL.decode(), " rest\n more"]


def test_an_indented_line_joins_only_within_the_bound() -> None:
    near = [*lines_of(b"a"), *lines_of(b" b", at_ms=5000 + JOIN_MS, seq=1)]
    far = [*lines_of(b"a"), *lines_of(b" b", at_ms=5001 + JOIN_MS, seq=1)]

    assert [event.message for event in events_of(near)] == ["a\n b"]
    assert [event.message for event in events_of(far)] == ["a", " b"]


def test_events_are_bounded_in_size_and_at_blocks() -> None:
    long = events_of(lines_of(*[b" " * 1000] * 400))
    assert [event.end_seq for event in long] == [LONGEST_EVENT_BYTES // 1001, 400]

    across = events_of(lines_of(b"a", b" b", b" c", seq=BLOCK_LINES - 2))
    assert [event.message for event in across] == ["a\n b", " c"]


def test_moments_never_go_back() -> None:
    lines = [LogLine(seq=seq, at_ms=at_ms, data=b"x") for seq, at_ms in enumerate([50, 40, 60, 55])]

    assert [event.at_ms for event in events_of(lines, latest_ms=45)] == [50, 50, 60, 60]


def test_an_event_knows_its_lines() -> None:
    [event] = events_of([*lines_of(b"a", at_ms=10), *lines_of(b"", b" b", at_ms=30, seq=1), *lines_of(b"", seq=3)])

    assert event == LogEvent(first_seq=0, end_seq=3, at_ms=10, last_ms=31, size_bytes=4, message="a\n b")


DATA = st.sampled_from([b"", b"a", b" ", b"  b", b"c\td", FULL]) | st.binary(max_size=5).map(
    lambda data: data.replace(b"\n", b"")
)
LINES = st.lists(st.tuples(DATA, st.integers(-JOIN_MS, 2 * JOIN_MS)), max_size=40).map(
    lambda parts: [
        LogLine(seq=seq, at_ms=50_000 + sum(step for _, step in parts[: seq + 1]), data=data)
        for seq, (data, _) in enumerate(parts)
    ]
)


@given(lines=LINES)
def test_events_together_are_the_lines(lines: list[LogLine]) -> None:
    events = events_of(lines)

    parts = [part for event in events for part in event.message.split("\n")]
    alone = [event.message for line in lines if line.data for event in events_of([line])]
    assert parts == alone
    assert [event.at_ms for event in events] == sorted(event.at_ms for event in events)


@given(lines=LINES, cuts=st.lists(st.integers(0, 40)))
def test_any_split_into_batches_gives_the_same_events(lines: list[LogLine], cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(lines)]
    maker = EventMaker(0)
    events = [event for start, end in itertools.pairwise(edges) for event in maker.feed(lines[start:end])]

    assert [*events, *maker.finish()] == events_of(lines)


@given(lines=LINES)
def test_reading_on_behind_any_event_gives_the_rest(lines: list[LogLine]) -> None:
    events = events_of(lines)

    for number, event in enumerate(events):
        assert events_of(lines[event.end_seq :], event.last_ms) == events[number + 1 :]
