"""Lines of output packed into rows: how chunks are cut, merged, written and read back. Pure."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise
from operator import sub

from processing_emulator.domain.log_events import LogLine
from processing_emulator.errors import InternalBug

SEALED_BYTES = 64 * 1024
"""A chunk of this raw size is never written again."""

_LINE_OVERHEAD_BYTES = 9
"""What a line adds to the raw size beside its bytes: the newline and its stamp."""

_LEVEL = 1
"""zlib's fastest: output of programs shrinks some eightfold at once, and little more with effort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Consecutive lines: the number of the first one, their stamps in milliseconds, and their bytes."""

    first_seq: int
    stamps: Sequence[int]
    data: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSize:
    """A stored chunk without its lines."""

    first_seq: int
    line_count: int
    raw_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One row: consecutive lines, their number range and time range, and the packed lines."""

    first_seq: int
    line_count: int
    min_at_ms: int
    max_at_ms: int
    raw_bytes: int
    packed: bytes


def raw_bytes_of(data: Sequence[bytes]) -> int:
    """How much these lines fill a chunk."""
    return sum(map(len, data)) + _LINE_OVERHEAD_BYTES * len(data)


def merge_from(tail: Sequence[ChunkSize], new_bytes: int) -> int | None:
    """The first seq of the stored chunks that lines behind them are to be merged with; None: with none.

    `tail` goes from the last chunk backwards. A chunk is merged when it is open and not larger than all that comes
    behind it. So sizes at least double towards the front: a program that prints single lines leaves few rows, and
    each line is written again once per doubling, not once per line that follows it.
    """
    start = None
    size = new_bytes
    for chunk in tail:
        if chunk.raw_bytes >= SEALED_BYTES or chunk.raw_bytes > size:
            break
        start = chunk.first_seq
        size += chunk.raw_bytes
    return start


def pack(lines: Lines) -> Iterator[Chunk]:
    """Cut lines into chunks; all but the last one are sealed. Raises InternalBug for a line with a newline in it."""
    edges = _edges(lines.data)
    for start, end in pairwise(edges):
        yield _pack_one(lines.first_seq + start, lines.stamps[start:end], lines.data[start:end])


def _edges(data: Sequence[bytes]) -> Sequence[int]:
    edges = [0]
    size = 0
    for position, line in enumerate(data, start=1):
        size += len(line) + _LINE_OVERHEAD_BYTES
        if size >= SEALED_BYTES:
            edges.append(position)
            size = 0
    if edges[-1] < len(data):
        edges.append(len(data))
    return edges


def _pack_one(first_seq: int, stamps: Sequence[int], data: Sequence[bytes]) -> Chunk:
    body = b"\n".join(data)
    if body.count(b"\n") != len(data) - 1:
        raise InternalBug("A line of output has a newline in it.")
    # Stamps lie close together: as differences they are mostly zeros, which cost next to nothing when compressed.
    steps = (stamps[0], *map(sub, stamps[1:], stamps))
    return Chunk(
        first_seq=first_seq,
        line_count=len(data),
        min_at_ms=min(stamps),
        max_at_ms=max(stamps),
        raw_bytes=raw_bytes_of(data),
        packed=zlib.compress(struct.pack(f"<{len(steps)}q", *steps) + body, _LEVEL),
    )


def unpack(first_seq: int, line_count: int, packed: bytes) -> Lines:
    """The lines of a chunk."""
    raw = zlib.decompress(packed)
    steps = struct.unpack_from(f"<{line_count}q", raw)
    body = raw[line_count * 8 :]
    return Lines(first_seq=first_seq, stamps=list(accumulate(steps)), data=body.split(b"\n"))


def lines_between(lines: Lines, from_seq: int, end_seq: int) -> Iterator[LogLine]:
    """Those lines with from_seq <= seq < end_seq."""
    start = max(0, from_seq - lines.first_seq)
    end = max(0, end_seq - lines.first_seq)
    return map(LogLine, count(lines.first_seq + start), lines.stamps[start:end], lines.data[start:end])
