"""What was written is brought into the file in pauses, or when it has become much; never by whoever stores."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processing_emulator.adapters.sql_store.checkpointing import LOG_LIMIT_BYTES, WRITES, Checkpointer
from processing_emulator.adapters.sql_store.store import Stores
from processing_emulator.errors import StoreFailure

from tests.contract.ports.stores import add_job
from tests.unit.adapters.sql_store.rawsql import query
from tests.waiting import wait_for


class Counted:
    """Counts checkpoints; the first ones may fail."""

    def __init__(self) -> None:
        self.done = 0
        self.failures = 0

    def __call__(self) -> None:
        """One checkpoint."""
        self.done += 1
        if self.done <= self.failures:
            raise StoreFailure("Database jobs.db: its disk does not read or write.")


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def checkpointer(tmp_path: Path, counted: Counted) -> Iterator[Checkpointer]:
    made = Checkpointer(tmp_path / "log", counted)
    yield made
    made.stop()


def write(checkpointer: Checkpointer, count: int) -> None:
    for _ in range(count):
        checkpointer.written()


def test_a_pause_after_enough_transactions_is_used(checkpointer: Checkpointer, counted: Counted) -> None:
    write(checkpointer, WRITES)
    wait_for("a checkpoint", lambda: counted.done or None)
    write(checkpointer, WRITES)
    wait_for("another", lambda: counted.done == 2 or None)


def test_few_transactions_need_none_and_no_thread(checkpointer: Checkpointer, counted: Counted) -> None:
    before = threading.active_count()
    write(checkpointer, WRITES - 1)
    assert threading.active_count() == before
    checkpointer.stop()
    assert counted.done == 0


def busy_until(done: Callable[[], bool], checkpointer: Checkpointer) -> None:
    """Somebody who stores without a pause."""
    stop = threading.Event()

    def store() -> None:
        while not stop.wait(0.001):
            checkpointer.written()

    thread = threading.Thread(target=store)
    thread.start()
    try:
        wait_for("a checkpoint beside the writer", lambda: done() or None)
    finally:
        stop.set()
        thread.join()


def test_a_log_that_has_grown_long_does_not_wait_for_a_pause(
    checkpointer: Checkpointer, counted: Counted, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("wb") as log:
        log.truncate(LOG_LIMIT_BYTES + 1)
    busy_until(lambda: counted.done > 0, checkpointer)


def test_a_checkpoint_that_fails_is_told_and_the_next_one_comes(
    checkpointer: Checkpointer, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    counted.failures = 1
    write(checkpointer, WRITES)
    wait_for("the failure to be told", lambda: "does not read or write" in caplog.text or None)
    write(checkpointer, WRITES)
    wait_for("another", lambda: counted.done == 2 or None)


def jobs_in_the_file_alone(path: Path) -> int:
    """Without the log; 0 while it is being written to."""
    alone = path.with_name("alone.db")
    shutil.copy(path, alone)
    try:
        ((count,),) = query(alone, "SELECT count(*) FROM jobs")
    except sqlite3.DatabaseError:
        return 0
    return int(count)


def test_the_log_is_in_the_file_after_a_pause_and_begins_anew(stores: Stores, path: Path) -> None:
    def add(name: str) -> int:
        for number in range(WRITES):
            add_job(stores.jobs, f"{name}-{number}")
        return path.with_name(f"{path.name}-wal").stat().st_size

    size = add("first")
    assert jobs_in_the_file_alone(path) == 0
    wait_for("the log to be in the file", lambda: jobs_in_the_file_alone(path) == WRITES or None)
    assert add("second") < 1.5 * size
