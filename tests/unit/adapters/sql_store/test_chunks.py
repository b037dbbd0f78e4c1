"""How events are cut into chunks and merged: few rows, bounded rewriting, sealed chunks left alone."""

import pytest

from processing_emulator.adapters.sql_store.log_chunks import (
    SEALED_BYTES,
    ChunkSize,
    Events,
    merge_from,
    pack,
    stored_events,
    unpack,
)
from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, StoredEvent


def some_events(count: int, size: int = 100, first_seq: int = 0) -> Events:
    return Events(first_seq=first_seq, at_ms=[5] * count, ingested_at_ms=[6] * count, messages=[b"x" * size] * count)


def test_events_are_cut_into_sealed_chunks_and_an_open_rest() -> None:
    chunks = list(pack(some_events(2000, first_seq=7)))
    fitting = -(-SEALED_BYTES // (100 + EVENT_OVERHEAD_BYTES))
    assert all(SEALED_BYTES <= chunk.raw_bytes < SEALED_BYTES + 126 for chunk in chunks[:-1])
    assert chunks[-1].raw_bytes < SEALED_BYTES
    assert [chunk.first_seq for chunk in chunks] == [7 + number * fitting for number in range(4)]
    assert sum(chunk.event_count for chunk in chunks) == 2000


def test_events_that_fill_their_last_chunk_leave_no_empty_one() -> None:
    (chunk,) = pack(some_events(1, SEALED_BYTES))
    assert chunk.event_count == 1


def test_chunk_of_short_events_stays_small() -> None:
    assert max(chunk.event_count for chunk in pack(some_events(20_000, 1))) < 3_000


def test_no_events_make_no_chunk() -> None:
    assert list(pack(some_events(0))) == []


def test_chunk_knows_its_range_in_time_and_gives_its_events_back() -> None:
    messages = ["a\nb", "ä", "", "🟢"]
    (chunk,) = pack(
        Events(
            first_seq=3,
            at_ms=[40, 50, 50, 60],
            ingested_at_ms=[70, 65, 80, 80],
            messages=[message.encode() for message in messages],
        )
    )
    assert (chunk.first_at_ms, chunk.last_at_ms) == (40, 60)
    assert stored_events(unpack(chunk.first_seq, chunk.event_count, chunk.packed)) == [
        StoredEvent(3, 40, 70, "a\nb"),
        StoredEvent(4, 50, 65, "ä"),
        StoredEvent(5, 50, 80, ""),
        StoredEvent(6, 60, 80, "🟢"),
    ]


def sizes(*raw_bytes: int) -> list[ChunkSize]:
    """A tail whose last chunk comes first; the seq of each is its place from the end."""
    return [ChunkSize(first_seq=100 - place, raw_bytes=size) for place, size in enumerate(raw_bytes)]


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
def test_events_merge_with_open_chunks_that_are_not_larger(
    tail: list[int], new_bytes: int, expected: int | None
) -> None:
    assert merge_from(sizes(*tail), new_bytes) == expected


def test_single_events_are_rewritten_once_per_doubling_and_leave_few_rows() -> None:
    rows: list[tuple[ChunkSize, int]] = []
    event_bytes = some_events(1).raw_bytes
    written = 0
    for seq in range(5000):
        start = merge_from([row for row, _ in rows[::-1][:16]], event_bytes)
        start = seq if start is None else start
        rows = [row for row in rows if row[0].first_seq < start]
        for chunk in pack(some_events(seq + 1 - start, first_seq=start)):
            written += chunk.raw_bytes
            rows.append((ChunkSize(first_seq=chunk.first_seq, raw_bytes=chunk.raw_bytes), chunk.event_count))
    assert sum(events for _, events in rows) == 5000
    sealed = [row for row, _ in rows if row.raw_bytes >= SEALED_BYTES]
    assert len(sealed) >= 4
    assert len(rows) - len(sealed) <= 11
    assert written / (5000 * event_bytes) < 12
