"""A process that is killed while it writes leaves whole transactions behind, and nothing else."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.domain.job import JobId
from tests.contract.ports.stores import add_instance, output_of
from tests.unit.adapters.sql_store.rawsql import query

WRITER = """
import sys
from pathlib import Path
from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.domain.job import JobId
from tests.log_batches import a_batch

stores = open_store(Path(sys.argv[1]))
job_id = JobId(int(sys.argv[2]))
seq = stores.jobs.list_instances(job_id)[0].cursor.lines
while True:
    messages = [f"line {number}" for number in range(seq, seq + 1 + seq * 7 % 300)]
    stores.logs.append_output(job_id, 0, a_batch(*messages, at_ms=seq, after_lines=seq))
    seq += len(messages)
    print(seq, flush=True)
"""


@contextmanager
def a_writer(path: Path, job_id: JobId) -> Iterator["subprocess.Popen[str]"]:
    """A process that appends lines without end; killed when the block is left."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(job_id)], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def lines_promised(path: Path, job_id: JobId, appends: int) -> int:
    """Let a writer append some times and kill it; the last number of lines that it reported as stored."""
    with a_writer(path, job_id) as process:
        assert process.stdout is not None
        for _ in range(appends):
            assert process.stdout.readline()
        process.kill()
        said = process.stdout.read().split()
    assert process.returncode == -signal.SIGKILL
    return int(said[-1]) if said else 0


def test_killed_writer_leaves_every_line_it_promised_once_and_a_cursor_that_agrees(path: Path) -> None:
    stores = open_store(path)
    job_id = add_instance(stores.jobs)
    stores.close()
    for appends in (1, 25, 60):
        promised = lines_promised(path, job_id, appends)
        stores = open_store(path)
        cursor = stores.jobs.list_instances(job_id)[0].cursor
        events = output_of(stores.logs, job_id)
        stores.close()
        assert cursor.lines >= promised
        assert cursor.newest_ns == (cursor.lines - 1) * 1_000_000
        assert [(event.seq, event.at_ms, event.message) for event in events] == [
            (number, number, f"line {number}") for number in range(cursor.lines)
        ]
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
        assert query(path, "PRAGMA foreign_key_check") == []
