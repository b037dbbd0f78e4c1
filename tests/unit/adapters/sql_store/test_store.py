"""Opening and closing a SQLite database, and one that is foreign, locked, full, damaged or gone."""

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from processing_emulator.adapters.sql_store.metadata import SCHEMA_VERSION
from processing_emulator.adapters.sql_store.store import Stores, open_store
from processing_emulator.domain.metrics import Datum, MetricKey, Statistics, Weighted, datum_of
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import StoreFailure
from processing_emulator.ports import JobQuery, MetricQuery, Window
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_instance, add_job, later, move_to, output_of
from tests.log_batches import a_batch
from tests.unit.adapters.sql_store.rawsql import query

METRIC = MetricKey("000000000000", "us-east-1", "space", "metric")
WINDOW = Window(since_s=0, until_s=600, period_s=60)


def open_files_below(folder: Path) -> list[str]:
    """The files below a folder that this process holds open."""
    targets = [os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir()]
    return [target for target in targets if target.startswith(f"{folder}/")]


def open_and_read(path: Path) -> None:
    stores = open_store(path)
    try:
        stores.jobs.list_unfinished()
    finally:
        stores.close()


def test_everything_is_there_after_a_restart(path: Path) -> None:
    before = open_store(path)
    job_id = add_instance(before.jobs)
    job = move_to(before.jobs, before.jobs.get(job_id), JobPhase.RUNNING)
    before.logs.append_output(job_id, 0, a_batch("x"))
    before.metrics.put([datum_of(METRIC, 60, "Percent", [Weighted(1.0, 1)])])
    kept = (
        before.jobs.list_events(job_id),
        before.jobs.list_instances(job_id),
        output_of(before.logs, job_id),
        before.metrics.read(METRIC, WINDOW),
    )
    before.close()
    after = open_store(path)
    assert after.jobs.get(job_id) == job
    assert kept == (
        after.jobs.list_events(job_id),
        after.jobs.list_instances(job_id),
        output_of(after.logs, job_id),
        after.metrics.read(METRIC, WINDOW),
    )
    after.close()


def test_closing_leaves_one_file_and_holds_none(path: Path) -> None:
    stores = open_store(path)
    add_job(stores.jobs)
    stores.close()
    assert [file.name for file in path.parent.iterdir()] == ["emulator.db"]
    assert open_files_below(path.parent) == []


def test_closed_store_fails_and_may_be_closed_again(path: Path) -> None:
    stores = open_store(path)
    stores.ping()
    stores.close()
    stores.close()
    with pytest.raises(StoreFailure, match="is closed"):
        stores.ping()
    with pytest.raises(StoreFailure, match="is closed"):
        add_job(stores.jobs)
    assert open_files_below(path.parent) == []


def test_schema_version_is_recorded(stores: Stores, path: Path) -> None:
    assert query(path, "SELECT version FROM emulator_schema") == [(SCHEMA_VERSION,)]


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_database_of_another_schema_version_is_refused_and_left_alone(path: Path, version: int) -> None:
    open_store(path).close()
    query(path, "UPDATE emulator_schema SET version = ?", version)
    with pytest.raises(StoreFailure, match=r"another version of the emulator.* Start with another data directory"):
        open_store(path)
    assert query(path, "SELECT version FROM emulator_schema") == [(version,)]
    assert open_files_below(path.parent) == []


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_database_of_an_old_development_schema_is_refused_and_left_alone(path: Path, version: int) -> None:
    query(path, "CREATE TABLE schema_version (version INTEGER NOT NULL)")
    query(path, "INSERT INTO schema_version VALUES (?)", version)
    query(path, "CREATE TABLE jobs (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR NOT NULL)")
    before = query(path, "SELECT name FROM sqlite_master")
    with pytest.raises(StoreFailure, match=r"another version of the emulator.* Start with another data directory"):
        open_store(path)
    assert query(path, "SELECT name FROM sqlite_master") == before


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ("DROP TABLE event_rules", r"event_rules\.\w+"),
        ("ALTER TABLE jobs DROP COLUMN started_boot_id", "jobs.started_boot_id"),
    ],
)
def test_database_of_an_earlier_development_version_is_refused_and_left_alone(
    path: Path, change: str, lacking: str
) -> None:
    open_store(path).close()
    query(path, change)
    before = query(path, "SELECT name, sql FROM sqlite_master")
    with pytest.raises(StoreFailure, match=f"another version of the emulator: its schema is without {lacking},"):
        open_store(path)
    assert query(path, "SELECT name, sql FROM sqlite_master") == before


def test_database_with_a_table_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    query(path, "CREATE TABLE jobs (something TEXT)")
    with pytest.raises(StoreFailure, match=r"not made by the emulator: .*\(jobs\)"):
        open_store(path)
    assert query(path, "SELECT name FROM sqlite_master") == [("jobs",)]


def test_database_without_its_schema_version_is_refused(path: Path) -> None:
    open_store(path).close()
    query(path, "DELETE FROM emulator_schema")
    with pytest.raises(StoreFailure, match="its schema is version unknown"):
        open_store(path)


def test_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"something else " * 500)
    with pytest.raises(StoreFailure, match="is not a database"):
        open_store(path)
    assert path.read_bytes() == b"something else " * 500


def test_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreFailure, match="does its folder exist"):
        open_store(tmp_path / "nowhere" / "emulator.db")


def test_path_may_have_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "a folder?mode=memory&x#y%41 ü" / "e.db"
    path.parent.mkdir()
    open_store(path).close()
    assert path.is_file()


def test_database_locked_by_another_process_fails_and_recovers(stores: Stores, path: Path) -> None:
    job = add_job(stores.jobs)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFailure, match="locked"):
            stores.jobs.request_stop(job.id, NOW)
        assert stores.jobs.get(job.id) == job
        other.execute("ROLLBACK")
    assert stores.jobs.request_stop(job.id, NOW).stop_requested_at == NOW


def test_writers_that_wait_for_a_locked_database_fail_together(path: Path) -> None:
    # Each would wait for the whole time-out, one after the other: the eighth for eight times as long.
    waiting = threading.Barrier(8)
    with (
        closing(open_store(path, busy_timeout_seconds=2)) as stores,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        ThreadPoolExecutor(8) as pool,
    ):
        job = add_job(stores.jobs)
        other.execute("BEGIN IMMEDIATE")

        def stop(_number: int) -> str:
            waiting.wait(timeout=30)
            with pytest.raises(StoreFailure) as failure:
                stores.jobs.request_stop(job.id, NOW)
            return str(failure.value)

        sentences = list(pool.map(stop, range(8)))
        other.execute("ROLLBACK")
        assert len([sentence for sentence in sentences if "another process holds it locked" in sentence]) == 1
        assert stores.jobs.request_stop(job.id, NOW).stop_requested_at == NOW


def test_write_behind_a_long_one_of_the_same_process_fails_after_the_timeout(stores: Stores) -> None:
    job = add_job(stores.jobs)
    with stores.database.writing(), ThreadPoolExecutor(1) as pool:
        late = pool.submit(stores.jobs.request_stop, job.id, NOW)
        with pytest.raises(StoreFailure, match=r"is busy; another write has taken longer than 0\.05 seconds"):
            late.result(timeout=30)
    assert stores.jobs.request_stop(job.id, NOW).stop_requested_at == NOW


def test_full_disk_fails_keeps_nothing_of_the_work_and_recovers(stores: Stores) -> None:
    job = add_job(stores.jobs)
    with stores.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    with stores.database.writing() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    big = a_request("big", arguments=["x" * 100_000])
    with pytest.raises(StoreFailure, match="the disk is full"):
        stores.jobs.add(a_key("big"), big, {"k": "v"}, NOW)
    assert stores.jobs.find(a_key("big")) is None
    assert stores.jobs.get(job.id) == job
    with stores.database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert stores.jobs.add(a_key("big"), big, {}, NOW).request == big


def test_damaged_file_is_a_store_failure(path: Path) -> None:
    stores = open_store(path)
    for number in range(200):
        add_job(stores.jobs, f"job-{number}")
    stores.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreFailure, match="damaged"):
        open_and_read(path)
    assert open_files_below(path.parent) == []


def test_missing_table_is_a_store_failure(stores: Stores, path: Path) -> None:
    query(path, "DROP TABLE metric_minutes")
    with pytest.raises(StoreFailure, match="no such table"):
        stores.metrics.put([datum_of(METRIC, 60, "Percent", [Weighted(1.0, 1)])])
    assert stores.metrics.list_metrics(MetricQuery(account="0" * 12, region="us-east-1", limit=1)).metrics == ()


def test_text_and_numbers_that_no_row_can_hold_are_store_failures(stores: Stores) -> None:
    with pytest.raises(StoreFailure, match="not valid Unicode"):
        add_job(stores.jobs, "\ud800")
    datum = Datum(key=METRIC, at_s=2**63, unit="Percent", statistics=Statistics(1, 1, 1, 1), values=None)
    with pytest.raises(StoreFailure, match="64 bits"):
        stores.metrics.put([datum])
    assert stores.metrics.read(METRIC, WINDOW) == []


def test_readers_do_not_wait_for_a_writer(stores: Stores) -> None:
    job = add_job(stores.jobs)
    with stores.database.writing() as connection:
        connection.exec_driver_sql("UPDATE jobs SET modified_at_ms = 0")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(stores.jobs.get, job.id).result(timeout=10) == job


def test_writer_holds_the_lock_from_the_start(stores: Stores, path: Path) -> None:
    # Otherwise work that reads first could be refused when it comes to write, because others wrote in between.
    with (
        closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other,
        stores.database.writing(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_work_that_fails_is_taken_back_whole(stores: Stores) -> None:
    job = add_job(stores.jobs)

    def change_and_fail() -> None:
        with stores.database.writing() as connection:
            connection.exec_driver_sql("UPDATE jobs SET modified_at_ms = 0")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert stores.jobs.get(job.id) == job
    stores.jobs.request_stop(job.id, later(1))


def test_many_threads_read_and_write_at_once(path: Path) -> None:
    stores = open_store(path)
    barrier = threading.Barrier(40)

    def work(number: int) -> int:
        barrier.wait(timeout=30)
        job = add_job(stores.jobs, f"job-{number}", at=NOW + timedelta(milliseconds=number))
        stores.jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, later(1))
        stores.jobs.list_page(JobQuery(account="000000000000", region="us-east-1", limit=10))
        return stores.jobs.get(job.id).id

    with ThreadPoolExecutor(40) as pool:
        ids = set(pool.map(work, range(40)))
    assert {job.id for job in stores.jobs.list_unfinished()} == ids
    assert len(ids) == 40
    stores.close()
