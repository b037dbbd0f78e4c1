"""How many rows a log takes, and what later readers may rely on in them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from processing_emulator.adapters.sql_store.log_additions import Addition
from processing_emulator.adapters.sql_store.log_chunks import SEALED_BYTES
from processing_emulator.adapters.sql_store.log_store import SqlLogStore
from processing_emulator.adapters.sql_store.store import Stores
from processing_emulator.domain.job import JobId
from processing_emulator.errors import StaleJob
from processing_emulator.ports import LogStream, OutputBatch
from tests.contract.ports.stores import add_instance, output_of
from tests.log_batches import a_batch
from tests.unit.adapters.sql_store.rawsql import query

CHUNKS = "SELECT first_seq, event_count, first_at_ms, last_at_ms, raw_bytes FROM log_chunks ORDER BY first_seq"


def print_lines(stores: Stores, total: int, size: int) -> None:
    job_id = add_instance(stores.jobs)
    for start in range(0, total, size):
        messages = [f"line {seq:06d}" * 10 for seq in range(start, start + size)]
        stores.logs.append_output(job_id, 0, a_batch(*messages, at_ms=start, after_lines=start))


def test_slow_printer_does_not_make_a_row_a_line(stores: Stores, path: Path) -> None:
    print_lines(stores, total=700, size=1)
    assert len(query(path, CHUNKS)) <= 16


def test_fast_printer_leaves_sealed_chunks_and_few_open_ones(stores: Stores, path: Path) -> None:
    print_lines(stores, total=20_000, size=2_000)
    raw_sizes = [row[4] for row in query(path, CHUNKS)]
    assert sum(size < SEALED_BYTES for size in raw_sizes) <= 1
    assert max(raw_sizes) < SEALED_BYTES + 200


def test_chunks_join_and_know_their_range_in_time(stores: Stores, path: Path) -> None:
    print_lines(stores, total=3_000, size=300)
    next_seq = 0
    for first_seq, event_count, first_at_ms, last_at_ms, _ in query(path, CHUNKS):
        assert first_seq == next_seq
        assert (first_at_ms, last_at_ms) == (first_seq, first_seq + event_count - 1)
        next_seq = first_seq + event_count
    assert next_seq == 3_000


def test_log_of_a_program_takes_a_fraction_of_its_bytes(stores: Stores, path: Path) -> None:
    print_lines(stores, total=20_000, size=2_000)
    ((packed, raw),) = query(path, "SELECT sum(length(packed)), sum(raw_bytes) FROM log_chunks")
    assert packed < raw / 4


class OvertakenLogStore(SqlLogStore):
    """Another writer appends one event after this one has read the end of the stream and before it writes."""

    def _write_output(
        self, job_id: JobId, index: int, batch: OutputBatch, stream: LogStream | None, addition: Addition | None
    ) -> None:
        stored = len(output_of(self, job_id, index))
        SqlLogStore(self._database).append_output(job_id, index, a_batch("other", at_ms=stored, after_lines=stored))
        super()._write_output(job_id, index, batch, stream, addition)


@pytest.mark.parametrize("stored", [[], ["first"]])
def test_append_that_is_overtaken_is_stale_and_spoils_nothing(stores: Stores, stored: Sequence[str]) -> None:
    job_id = add_instance(stores.jobs)
    if stored:
        stores.logs.append_output(job_id, 0, a_batch(*stored, at_ms=0))
    overtaken = OvertakenLogStore(stores.database)
    with pytest.raises(StaleJob):
        overtaken.append_output(job_id, 0, a_batch("late", after_lines=len(stored)))
    assert [event.message for event in output_of(stores.logs, job_id)] == [*stored, "other"]
    assert stores.jobs.list_instances(job_id)[0].cursor.lines == len(stored) + 1
