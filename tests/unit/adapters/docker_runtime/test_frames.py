"""Parsing the engine's log stream into lines, however its bytes are split."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.adapters.docker_runtime.frames import Dechunker, Demuxer, Stamps
from processing_emulator.ports import RawLine

BASE = datetime(2026, 11, 23, 4, 22, 51, tzinfo=UTC)
BASE_NS = int(BASE.timestamp()) * 10**9


def stamp(at_ns: int) -> bytes:
    moment = datetime.fromtimestamp(at_ns // 10**9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns % 10**9:09d}Z".encode()


def frame(data: bytes, at_ns: int = BASE_NS, stream: int = 1) -> bytes:
    body = stamp(at_ns) + b" " + data
    return struct.pack(">BxxxL", stream, len(body)) + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


lines = st.lists(
    st.builds(
        RawLine,
        at_ns=st.integers(BASE_NS, BASE_NS + 10**12),
        data=st.binary(max_size=40).filter(lambda d: b"\n" not in d),
    ),
    max_size=12,
)


@given(lines, st.data())
def test_lines_are_unchanged_however_the_stream_is_split(printed: list[RawLine], data: st.DataObject) -> None:
    frames = b"".join(frame(line.data + b"\n", line.at_ns, 1 + n % 2) for n, line in enumerate(printed))
    pieces = _cut(frames, data)
    coded = b"".join(chunk(piece) for piece in pieces if piece) + b"0\r\n\r\n"
    dechunker, demuxer = Dechunker(), Demuxer()

    read = [line for piece in _cut(coded, data) for line in demuxer.feed(dechunker.feed(piece))]

    assert read == printed
    assert dechunker.finished


def _cut(whole: bytes, data: st.DataObject) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def test_frame_without_newline_is_a_line() -> None:
    read = Demuxer().feed(frame(b"x" * 16_384) + frame(b"rest\n") + frame(b"no newline at the end"))

    assert [line.data for line in read] == [b"x" * 16_384, b"rest", b"no newline at the end"]


def test_only_the_last_newline_is_removed() -> None:
    read = Demuxer().feed(frame(b"\n") + frame(b" a b \r\n"))

    assert [line.data for line in read] == [b"", b" a b \r"]


def test_stream_ends_with_its_last_chunk() -> None:
    dechunker = Dechunker()

    assert dechunker.feed(chunk(b"abc")) == b"abc"
    assert not dechunker.finished
    assert dechunker.feed(b"0\r\n\r\n") == b""
    assert dechunker.finished


def test_chunk_size_may_have_extensions() -> None:
    assert Dechunker().feed(b"3;name=value\r\nabc\r\n") == b"abc"


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)), st.integers(0, 999_999_999))  # noqa: DTZ001
def test_timestamps_are_exact_to_the_nanosecond(moment: datetime, nanos: int) -> None:
    seconds = int((moment.replace(tzinfo=UTC, microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))
    at_ns = seconds * 10**9 + nanos

    assert Stamps().parse(stamp(at_ns)) == at_ns


def test_cached_second_is_not_used_for_the_next_one() -> None:
    stamps = Stamps()

    read = [stamps.parse(stamp(BASE_NS + offset)) - BASE_NS for offset in (1, 10**9 + 2, 3)]

    assert read == [1, 10**9 + 2, 3]


@pytest.mark.parametrize(
    ("text", "at_ns"),
    [
        (b"2026-11-23T04:22:51Z", BASE_NS),
        (b"2026-11-23T04:22:51.5Z", BASE_NS + 500_000_000),
        (b"2026-11-23T05:22:51.000000001+01:00", BASE_NS + 1),
        (b"2026-11-22T23:22:51.25-05:00", BASE_NS + 250_000_000),
    ],
)
def test_parses_timestamps_of_other_engines(text: bytes, at_ns: int) -> None:
    assert Stamps().parse(text) == at_ns


def test_refuses_invalid_timestamps() -> None:
    with pytest.raises(ValueError, match="no RFC 3339 time"):
        Stamps().parse(b"yesterday")
