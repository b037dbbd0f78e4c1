"""From lines to events (spec 5.2)."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.domain.log_events import (
    EVENT_OVERHEAD_BYTES,
    JOIN_MS,
    LONGEST_EVENT_BYTES,
    PIECE_BYTES,
    EventMaker,
    LogEvent,
    RawLine,
    StoredEvent,
    first_page,
)

FULL = b"x" * PIECE_BYTES
MS = 1_000_000


def lines_of(*data: bytes, at_ms: int = 5000, step_ms: int = 1) -> list[RawLine]:
    return [RawLine(at_ns=(at_ms + number * step_ms) * MS + 1, data=line) for number, line in enumerate(data)]


def events_of(lines: Sequence[RawLine], latest_ms: int = 0) -> list[LogEvent]:
    maker = EventMaker(latest_ms)
    return [*maker.feed(lines), *maker.close()]


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


def test_empty_lines_are_dropped_and_do_not_separate_events() -> None:
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


def test_30_the_line_after_a_full_piece_starts_an_event() -> None:
    assert messages_of(FULL, b" rest", b" more") == [FULL.decode(), " rest\n more"]


def test_an_indented_line_joins_only_within_the_time_limit() -> None:
    near = [*lines_of(b"a"), *lines_of(b" b", at_ms=5000 + JOIN_MS)]
    far = [*lines_of(b"a"), *lines_of(b" b", at_ms=5001 + JOIN_MS)]

    assert [event.message for event in events_of(near)] == ["a\n b"]
    assert [event.message for event in events_of(far)] == ["a", " b"]


@pytest.mark.parametrize("line", [b" " * 1000, b" " + b"\t" * 999, b" " + "🟢".encode() * 300, b" " + b"\xff" * 999])
def test_no_event_is_larger_than_the_service_accepts(line: bytes) -> None:
    sizes = [len(event.message.encode()) for event in events_of(lines_of(*[line] * 1000))]

    assert max(sizes) <= LONGEST_EVENT_BYTES
    assert min(sizes[:-1]) > LONGEST_EVENT_BYTES - 4000


def test_times_never_go_back() -> None:
    lines = [RawLine(at_ns=at_ms * MS, data=b"x") for at_ms in [50, 40, 60, 55]]

    assert [event.at_ms for event in events_of(lines, latest_ms=45)] == [50, 50, 60, 60]


def test_an_event_has_the_time_of_its_first_line() -> None:
    [event] = events_of(lines_of(b"a", b" b", b"  c", step_ms=10))

    assert event == LogEvent(at_ms=5000, message="a\n b\n  c")


def test_a_closed_event_is_not_joined_any_more() -> None:
    maker = EventMaker()
    lines = lines_of(b"a", b"", b" b", b" c")

    assert maker.feed(lines[:2]) == []
    assert maker.open_lines == 2
    assert [event.message for event in maker.close()] == ["a"]
    assert (maker.open_lines, maker.close()) == (0, [])
    assert maker.feed(lines[2:]) == []
    assert [event.message for event in maker.close()] == [" b\n c"]


DATA = st.sampled_from([b"", b"a", b" ", b"  b", b"c\td", FULL]) | st.binary(max_size=5).map(
    lambda data: data.replace(b"\n", b"")
)
LINES = st.lists(st.tuples(DATA, st.integers(-JOIN_MS, 2 * JOIN_MS)), max_size=40).map(
    lambda parts: [
        RawLine(at_ns=(50_000 + sum(step for _, step in parts[: number + 1])) * MS, data=data)
        for number, (data, _) in enumerate(parts)
    ]
)


@given(lines=LINES)
def test_events_together_are_the_lines(lines: list[RawLine]) -> None:
    events = events_of(lines)

    parts = [part for event in events for part in event.message.split("\n")]
    alone = [event.message for line in lines if line.data for event in events_of([line])]
    assert parts == alone
    assert [event.at_ms for event in events] == sorted(event.at_ms for event in events)


@given(lines=LINES, cuts=st.lists(st.integers(0, 40)))
def test_any_split_into_batches_gives_the_same_events(lines: list[RawLine], cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(lines)]
    maker = EventMaker()
    events = [event for start, end in itertools.pairwise(edges) for event in maker.feed(lines[start:end])]

    assert [*events, *maker.close()] == events_of(lines)


@pytest.mark.parametrize(
    ("limit", "most_bytes", "expected"),
    [
        (10, 1000, ["aa", "ä", "bb"]),
        (2, 1000, ["aa", "ä"]),
        (0, 1000, []),
        (10, 2 * (EVENT_OVERHEAD_BYTES + 2), ["aa", "ä"]),
        (10, 2 * (EVENT_OVERHEAD_BYTES + 2) - 1, ["aa"]),
        (10, 1, ["aa"]),
    ],
)
def test_a_page_is_limited_in_events_and_bytes_but_has_one_event(
    limit: int, most_bytes: int, expected: list[str]
) -> None:
    events = [StoredEvent(seq, 0, 0, message) for seq, message in enumerate(["aa", "ä", "bb"])]

    assert [event.message for event in first_page(events, limit, most_bytes)] == expected


@pytest.mark.parametrize("character", ["\xe4", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("end", ["", "end", " indented"])
def test_character_that_is_cut_between_two_pieces_stays_whole(character: str, end: str) -> None:
    for before in range(1, len(character.encode())):
        line = ("x" * (PIECE_BYTES - before) + character + end).encode()
        messages = messages_of(line[:PIECE_BYTES], line[PIECE_BYTES:], b"next")
        assert messages == ["x" * (PIECE_BYTES - before) + character, *([end] if end else []), "next"]


def test_line_of_cut_characters_only_loses_nothing() -> None:
    line = "\u20ac".encode() * PIECE_BYTES
    pieces = [line[start : start + PIECE_BYTES] for start in range(0, len(line), PIECE_BYTES)]
    assert "".join(messages_of(*pieces)) == line.decode()


@pytest.mark.parametrize("following", [b"other", b"\xc3\xa4", b"\xffx", b""])
def test_start_of_a_character_without_its_end_is_one_replacement(following: bytes) -> None:
    messages = messages_of(b"x" * (PIECE_BYTES - 2) + b"\xe2\x82", following)
    assert messages[0] == "x" * (PIECE_BYTES - 2) + "\ufffd"
    assert messages[1:] == ([following.decode("utf-8", "replace")] if following else [])


def test_pieces_read_after_a_crash_repeat_and_lose_no_whole_character() -> None:
    line = ("x" * (PIECE_BYTES - 1) + "\u20ac end").encode()
    maker = EventMaker()
    stored = maker.feed(lines_of(line[:PIECE_BYTES], line[PIECE_BYTES:]))
    assert [event.message for event in stored] == ["x" * (PIECE_BYTES - 1) + "\u20ac"]
    assert messages_of(line[PIECE_BYTES:]) == ["\ufffd\ufffd end"]
