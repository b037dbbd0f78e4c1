"""Estimating the size of the engine's log file, and resuming after the last line read."""

import json
import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.adapters.docker_runtime.logs import ReadPosition, Window, most_file_bytes
from processing_emulator.domain.log_events import PIECE_BYTES
from processing_emulator.ports import RawLine

STAMP = b"2026-11-23T04:22:51.000000000Z"


def as_stored(line: str, stream: str) -> bytes:
    """A line as the engine writes it, with HTML characters escaped."""
    text = json.dumps({"log": line + "\n", "stream": stream, "time": STAMP.decode()}, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode() + b"\n"


printed = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60).map(lambda text: text.replace("\n", ""))


def framed(line: str, stream: int) -> bytes:
    body = STAMP + b" " + line.encode() + b"\n"
    return struct.pack(">BxxxL", stream, len(body)) + body


@given(st.lists(st.tuples(printed, st.sampled_from([1, 2])), max_size=20))
def test_estimated_file_size_is_never_too_small(lines: list[tuple[str, int]]) -> None:
    payload = b"".join(framed(line, stream) for line, stream in lines)
    stored = sum(len(as_stored(line, ["stdout", "stderr"][stream - 1])) for line, stream in lines)

    assert most_file_bytes(payload, len(lines)) >= stored


def test_estimated_size_of_plain_text_is_close() -> None:
    line = "a plain line of sixty characters, as programs print them all"
    stored = 1000 * len(as_stored(line, "stdout"))

    assert stored <= most_file_bytes(framed(line, 1) * 1000, 1000) <= 1.15 * stored


SECOND = 10**9


def line(at_ns: int, data: bytes = b"x") -> RawLine:
    return RawLine(at_ns=at_ns, data=data)


def at(last: RawLine | None, pieces: int = 0) -> ReadPosition:
    return ReadPosition(last, pieces)


def piece(at_ns: int) -> RawLine:
    return line(at_ns, b"x" * PIECE_BYTES)


def test_lines_after_the_last_one_are_new() -> None:
    log = [line(n, b"%d" % n) for n in range(10)]
    for cut in range(10):
        window = Window(at(log[4]))
        parts = [window.behind(log[:cut]), window.behind(log[cut:])]

        assert parts[0] + parts[1] == log[5:]
        assert window.found


def test_line_with_the_same_timestamp_and_other_text_is_new() -> None:
    window = Window(at(line(5, b"mine")))

    assert window.behind([line(5, b"other"), line(5, b"mine"), line(6, b"new")]) == [line(6, b"new")]


def test_window_without_the_last_line_has_nothing_new() -> None:
    window = Window(at(line(5)))

    assert window.behind([line(3), line(4)]) == []
    assert not window.found


def test_detects_a_window_that_begins_too_late() -> None:
    assert Window(at(line(5))).begins_too_late([line(5 + SECOND + 1)])
    assert not Window(at(line(5))).begins_too_late([line(5 + SECOND)])
    assert not Window(at(line(5))).begins_too_late([])


def test_window_start_is_its_first_line() -> None:
    window = Window(at(line(5)))

    assert not window.begins_too_late([line(4)])
    assert not window.begins_too_late([line(5 + 9 * SECOND)])


@given(
    log=st.lists(st.sampled_from([line(1), line(2, b"y"), piece(3), piece(3), piece(4)]), max_size=12),
    parts=st.lists(st.integers(0, 12), max_size=4),
    delivered=st.integers(0, 12),
)
def test_equal_pieces_of_a_long_line_are_counted(log: list[RawLine], parts: list[int], delivered: int) -> None:
    log = [RawLine(number, line.data) if len(line.data) < PIECE_BYTES else line for number, line in enumerate(log)]
    position = ReadPosition()
    for start, end in pairwise(sorted({0, delivered, *(min(part, delivered) for part in parts)})):
        position.advance(log[start:end])

    window = Window(position)
    edges = sorted({0, len(log), *parts})
    found = [new for start, end in pairwise(edges) for new in window.behind(log[start:end])]

    assert found == ([] if position.last is None else log[delivered:])
    assert window.found is (position.last is not None)
