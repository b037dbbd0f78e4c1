"""How lines are cut into chunks and merged: few rows, bounded rewriting, sealed chunks left alone."""

import pytest
from processing_emulator.adapters.sql_store.chunks import (
    SEALED_BYTES,
    ChunkSize,
    Lines,
    merge_from,
    pack,
    raw_bytes_of,
    unpack,
)
from processing_emulator.errors import InternalBug


def a_batch(count: int, size: int = 100, first_seq: int = 0) -> Lines:
    return Lines(first_seq=first_seq, stamps=[5] * count, data=[b"x" * size] * count)


def test_batch_is_cut_into_sealed_chunks_and_an_open_rest() -> None:
    chunks = list(pack(a_batch(2000, first_seq=7)))
    assert len(chunks) == 4
    assert all(SEALED_BYTES <= chunk.raw_bytes < SEALED_BYTES + 109 for chunk in chunks[:-1])
    assert chunks[-1].raw_bytes < SEALED_BYTES
    assert [chunk.first_seq for chunk in chunks] == [7, 7 + 602, 7 + 1204, 7 + 1806]
    assert sum(chunk.line_count for chunk in chunks) == 2000


def test_batch_that_fills_its_last_chunk_leaves_no_empty_one() -> None:
    (chunk,) = pack(a_batch(1, SEALED_BYTES))
    assert chunk.line_count == 1


def test_chunk_of_empty_lines_stays_small() -> None:
    assert max(chunk.line_count for chunk in pack(a_batch(20_000, 0))) < 8_000


def test_no_lines_make_no_chunk() -> None:
    assert list(pack(a_batch(0))) == []


def test_chunk_knows_its_range_in_time() -> None:
    (chunk,) = pack(Lines(first_seq=0, stamps=[50, 40, 60, 55], data=[b"", b"a", b"", b""]))
    assert (chunk.min_at_ms, chunk.max_at_ms) == (40, 60)
    lines = unpack(chunk.first_seq, chunk.line_count, chunk.packed)
    assert (lines.stamps, lines.data) == ([50, 40, 60, 55], [b"", b"a", b"", b""])


def test_newline_in_a_line_is_refused() -> None:
    with pytest.raises(InternalBug):
        list(pack(Lines(first_seq=0, stamps=[1], data=[b"a\nb"])))


def sizes(*raw_bytes: int) -> list[ChunkSize]:
    """A tail whose last chunk comes first; the seq of each is its place from the end."""
    return [ChunkSize(first_seq=100 - place, line_count=1, raw_bytes=size) for place, size in enumerate(raw_bytes)]


@pytest.mark.parametrize(
    ("tail", "new_bytes", "expected"),
    [
        ([], 10, None),
        ([10], 10, 100),
        ([11], 10, None),
        ([10, 20, 40], 10, 98),
        ([10, 20, 41], 10, 99),
        ([SEALED_BYTES], 10 * SEALED_BYTES, None),
        ([10, SEALED_BYTES, 10], 10 * SEALED_BYTES, 100),
    ],
)
def test_lines_merge_with_open_chunks_that_are_not_larger(
    tail: list[int], new_bytes: int, expected: int | None
) -> None:
    assert merge_from(sizes(*tail), new_bytes) == expected


def test_single_lines_are_rewritten_once_per_doubling_and_leave_few_rows() -> None:
    rows: list[ChunkSize] = []
    line_bytes = raw_bytes_of([b"x" * 100])
    written = 0
    for seq in range(5000):
        start = merge_from(rows[::-1][:16], line_bytes)
        start = seq if start is None else start
        rows = [row for row in rows if row.first_seq < start]
        for chunk in pack(a_batch(seq + 1 - start, first_seq=start)):
            written += chunk.raw_bytes
            rows.append(ChunkSize(first_seq=chunk.first_seq, line_count=chunk.line_count, raw_bytes=chunk.raw_bytes))
    assert sum(row.line_count for row in rows) == 5000
    sealed = [row for row in rows if row.raw_bytes >= SEALED_BYTES]
    assert len(sealed) >= 4
    assert len(rows) - len(sealed) <= 11
    assert written / (5000 * line_bytes) < 12
