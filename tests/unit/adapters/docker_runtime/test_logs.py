"""When the first log file may be full, and where another reading of the same log goes on."""

import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from emulator.adapters.docker_runtime.logs import Delivered, most_file_bytes
from emulator.ports import RawLine

STAMP = b"2026-11-23T04:22:51.000000000Z"


def as_stored(line: str, stream: str) -> bytes:
    """The engine's own form, with its escapes of HTML's characters."""
    text = json.dumps({"log": line + "\n", "stream": stream, "time": STAMP.decode()}, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode() + b"\n"


printed = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60).map(lambda text: text.replace("\n", ""))


def framed(line: str, stream: int) -> bytes:
    body = STAMP + b" " + line.encode() + b"\n"
    return struct.pack(">BxxxL", stream, len(body)) + body


@given(st.lists(st.tuples(printed, st.sampled_from([1, 2])), max_size=20))
def test_size_of_the_file_is_never_underrated(lines: list[tuple[str, int]]) -> None:
    payload = b"".join(framed(line, stream) for line, stream in lines)
    stored = sum(len(as_stored(line, ["stdout", "stderr"][stream - 1])) for line, stream in lines)

    assert most_file_bytes(payload, len(lines)) >= stored


def test_size_of_plain_text_is_rated_close() -> None:
    line = "a plain line of sixty characters, as programs print them all"
    stored = 1000 * len(as_stored(line, "stdout"))

    assert stored <= most_file_bytes(framed(line, 1) * 1000, 1000) <= 1.15 * stored


SECOND = 10**9

stamps = st.lists(st.integers(0, 400), max_size=60).map(
    # a walk forward in steps of up to 0.4 s, where neighbours may have changed places
    lambda steps: [max(0, sum(steps[: n + 1]) * SECOND // 1000 + (-1) ** n * SECOND // 4) for n in range(len(steps))]
)


@given(stamps, st.integers(0, 60), st.integers(0, 3))
def test_reading_goes_on_exactly_behind_the_last_line_delivered(at: list[int], cut: int, since_second: int) -> None:
    lines = [RawLine(at_ns=stamp, data=str(n).encode()) for n, stamp in enumerate(at)]
    wanted = [line for line in lines if line.at_ns >= since_second * SECOND]
    delivered = Delivered(since_second)
    first = delivered.take(lines[:cut])

    second, skip = delivered.resume_point()
    rest = [line for line in lines if line.at_ns >= second * SECOND][skip:]

    assert first + delivered.take(rest) == wanted


def test_reading_goes_on_at_the_second_asked_for_when_nothing_was_delivered() -> None:
    assert Delivered(1234).resume_point() == (1234, 0)
