"""How many rows a log takes, and what later readers may rely on in them."""

from pathlib import Path

from emulator.adapters.sql_store.chunks import SEALED_BYTES
from emulator.adapters.sql_store.store import Stores
from emulator.domain.job import LogCursor
from emulator.ports import RawLine
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
