"""A database made by an older emulator is brought up to date: nothing is lost, and it ends as a new one begins."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from processing_emulator.adapters.sql_store.metadata import SCHEMA_VERSION
from processing_emulator.adapters.sql_store.migrations import STEPS
from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.domain.job import JobEvent
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import StoreFailure

from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW
from tests.unit.adapters.sql_store.rawsql import query

OLD_VERSIONS = range(1, SCHEMA_VERSION)
"""Of each there is a file with its schema."""

ROWS = """
INSERT INTO jobs (id, account, region, name, folded_name, phase, created_at_ms, modified_at_ms, ended_at_ms)
    VALUES (7, '000000000000', 'us-east-1', 'Old', 'old', 'Completed', 1, 2, 3);
INSERT INTO job_requests VALUES (7, '{"ProcessingJobName": "Old"}');
INSERT INTO job_tags VALUES (7, 'team', 'ml');
INSERT INTO job_events (job_id, at_ms, action, detail) VALUES (7, 2, 'admitted', '{"n": 1}');
"""
FIRST_EVENT = "INSERT INTO job_events (id, job_id, at_ms, action, detail) VALUES (0, 7, 1, 'created', '{}');"
"""Had a row of its own until version 2."""


@pytest.fixture(params=OLD_VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database of that version with a job in it."""
    return make_old(tmp_path / "old.db", request.param)


def make_old(path: Path, version: int) -> Path:
    schema = Path(__file__).with_name(f"schema_{version}.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema + ROWS + (FIRST_EVENT if version <= 2 else ""))
    return path


def shape_of(path: Path) -> tuple[set[str], set[str]]:
    """Columns of all tables, and all indexes, views and triggers as SQL without differences of spelling."""
    names = [name for (name,) in query(path, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {
        f"{name}.{column[1]}:{column[2]}" for name in names for column in query(path, f"PRAGMA table_info({name})")
    }
    indexes = query(
        path, "SELECT sql FROM sqlite_master WHERE type IN ('index', 'view', 'trigger') AND sql IS NOT NULL"
    )
    return columns, {" ".join(sql.split()) for (sql,) in indexes}


def test_there_is_a_step_from_every_version() -> None:
    assert sorted(STEPS) == list(OLD_VERSIONS)


def test_old_database_has_the_shape_of_a_new_one_afterwards(old: Path, tmp_path: Path) -> None:
    open_store(old).close()
    open_store(tmp_path / "new.db").close()
    assert shape_of(old) == shape_of(tmp_path / "new.db")
    assert query(old, "SELECT version FROM schema_version") == [(SCHEMA_VERSION,)]


def test_old_jobs_are_there_and_can_be_deleted_like_new_ones(old: Path) -> None:
    stores = open_store(old)
    try:
        job = stores.jobs.find(a_key("Old"))
        assert job is not None
        assert (job.id, job.phase, job.selected) == (7, JobPhase.COMPLETED, None)
        assert stores.jobs.list_tags(job.id) == {"team": "ml"}
        history = [
            JobEvent(at=job.created_at, action="created"),
            JobEvent(at=job.modified_at, action="admitted", detail={"n": 1}),
        ]
        assert stores.jobs.list_events(job.id) == history
        stores.jobs.delete(job.id, NOW)
        assert stores.jobs.add(a_key("OLD"), a_request("OLD"), {}, NOW).id == 8
    finally:
        stores.close()


def test_rows_of_an_old_database_obey_the_rules_of_a_new_one(old: Path) -> None:
    open_store(old).close()
    for change in ("phase = 'Nonsense'", "ended_at_ms = NULL", "name = NULL"):
        with pytest.raises(sqlite3.IntegrityError):
            query(old, f"UPDATE jobs SET {change}")
    query(old, "UPDATE jobs SET phase = 'Running', ended_at_ms = NULL")
    assert query(old, "SELECT status FROM jobs") == [("InProgress",)]


def test_second_start_finds_nothing_to_do(old: Path) -> None:
    open_store(old).close()
    before = shape_of(old)
    open_store(old).close()
    assert shape_of(old) == before


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_migration_that_fails_midway_leaves_the_database_as_it_was(tmp_path: Path, version: int) -> None:
    old = make_old(tmp_path / "old.db", version)
    query(old, "DROP INDEX jobs_by_status_creation")
    before = shape_of(old)
    with pytest.raises(StoreFailure, match="jobs_by_status_creation"):
        open_store(old)
    assert shape_of(old) == before
    assert query(old, "SELECT version FROM schema_version") == [(version,)]
