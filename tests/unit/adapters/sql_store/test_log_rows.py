"""How many rows a log takes, and what later readers may rely on in them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from processing_emulator.adapters.sql_store.chunks import SEALED_BYTES, Chunk
from processing_emulator.adapters.sql_store.log_store import SqlLogStore
from processing_emulator.adapters.sql_store.store import Stores
from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.errors import StaleJob
from processing_emulator.ports import RawLine

from tests.contract.ports.stores import add_instance
from tests.unit.adapters.sql_store.rawsql import query

CHUNKS = "SELECT first_seq, line_count, min_at_ms, max_at_ms, raw_bytes FROM log_chunks ORDER BY first_seq"


def print_lines(stores: Stores, total: int, batch: int) -> None:
    job_id = add_instance(stores.jobs)
    for start in range(0, total, batch):
        lines = [RawLine(at_ns=seq * 1_000_000, data=b"line %06d" % seq * 10) for seq in range(start, start + batch)]
        stores.logs.append(job_id, 0, lines, LogCursor(next_seq=start + batch))


def test_slow_printer_does_not_make_a_row_a_line(stores: Stores, path: Path) -> None:
    print_lines(stores, total=700, batch=1)
    assert len(query(path, CHUNKS)) <= 16


def test_fast_printer_leaves_sealed_chunks_and_few_open_ones(stores: Stores, path: Path) -> None:
    print_lines(stores, total=20_000, batch=2_000)
    raw_sizes = [row[4] for row in query(path, CHUNKS)]
    assert sum(size < SEALED_BYTES for size in raw_sizes) <= 1
    assert max(raw_sizes) < SEALED_BYTES + 200


def test_chunks_join_and_know_their_range_in_time(stores: Stores, path: Path) -> None:
    print_lines(stores, total=3_000, batch=300)
    next_seq = 0
    for first_seq, line_count, min_at_ms, max_at_ms, _ in query(path, CHUNKS):
        assert first_seq == next_seq
        assert (min_at_ms, max_at_ms) == (first_seq, first_seq + line_count - 1)
        next_seq = first_seq + line_count
    assert next_seq == 3_000


def test_log_of_a_program_takes_a_fraction_of_its_bytes(stores: Stores, path: Path) -> None:
    print_lines(stores, total=20_000, batch=2_000)
    ((packed, raw),) = query(path, "SELECT sum(length(packed)), sum(raw_bytes) FROM log_chunks")
    assert packed < raw / 4


class OvertakenLogStore(SqlLogStore):
    """Somebody else appends one line after this one has read the open chunks and before it writes."""

    def _store(
        self, job_id: JobId, index: int, expected_seq: int, cursor: LogCursor, from_seq: int, chunks: Sequence[Chunk]
    ) -> None:
        other = SqlLogStore(self._database)
        (stored,) = (line.seq for line in other.read(job_id, index, 0, 10)[-1:])
        other.append(job_id, index, [RawLine(at_ns=0, data=b"other")], LogCursor(next_seq=stored + 2))
        super()._store(job_id, index, expected_seq, cursor, from_seq, chunks)


@pytest.mark.parametrize("expected_seq", [1, 2])
def test_append_that_is_overtaken_is_stale_and_spoils_nothing(stores: Stores, expected_seq: int) -> None:
    job_id = add_instance(stores.jobs)
    stores.logs.append(job_id, 0, [RawLine(at_ns=0, data=b"first")], LogCursor(next_seq=1))
    overtaken = OvertakenLogStore(stores.database)
    # Told to follow one line, it is too late; told to follow two, it has looked at the chunks too early.
    with pytest.raises(StaleJob):
        overtaken.append(job_id, 0, [RawLine(at_ns=0, data=b"late")], LogCursor(next_seq=expected_seq + 1))
    read = stores.logs.read(job_id, 0, 0, 10)
    assert [line.data for line in read] == [b"first", b"other"][: len(read)]
    assert stores.jobs.list_instances(job_id)[0].cursor.next_seq == len(read)
