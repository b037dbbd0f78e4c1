"""A process that is killed while it writes leaves whole transactions behind, and nothing else."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.domain.job import JobId

from tests.contract.ports.stores import add_instance
from tests.unit.adapters.sql_store.rawsql import query

WRITER = """
import sys
from pathlib import Path
from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.domain.job import JobEvent, JobId, LogCursor
from processing_emulator.ports import RawLine
from tests.contract.ports.stores import NOW

stores = open_store(Path(sys.argv[1]))
job_id = JobId(int(sys.argv[2]))
seq = stores.jobs.list_instances(job_id)[0].cursor.next_seq
while True:
    size = 1 + seq * 7 % 300
    lines = [RawLine(at_ns=number * 10**6, data=b"line %d" % number) for number in range(seq, seq + size)]
    seq += size
    stores.logs.append(job_id, 0, lines, LogCursor(second=seq, lines_in_second=size, next_seq=seq))
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
    """Let a writer append a number of times, kill it, and give what it last said to have stored."""
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
        lines = stores.logs.read(job_id, 0, 0, 10**6)
        stores.close()
        assert cursor.next_seq >= promised
        assert cursor.second == cursor.next_seq
        assert [(line.seq, line.at_ms, line.data) for line in lines] == [
            (number, number, b"line %d" % number) for number in range(cursor.next_seq)
        ]
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
        assert query(path, "PRAGMA foreign_key_check") == []
