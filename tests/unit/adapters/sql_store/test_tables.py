"""The schema repeats the rules of the domain."""

import sqlite3
from itertools import product
from pathlib import Path

import pytest

from processing_emulator.adapters.sql_store.all_tables import metadata
from processing_emulator.adapters.sql_store.store import Stores
from processing_emulator.domain.phase import JobPhase, status_of
from tests.contract.ports.stores import add_job, move_to
from tests.unit.adapters.sql_store.rawsql import query

INSERT = (
    "INSERT INTO jobs (account, region, name, folded_name, phase, created_at_ms, modified_at_ms, instance_type,"
    " instance_count, ended_at_ms, stop_requested_at_ms) VALUES ('a', 'r', ?, ?, ?, 1, 1, 'ml.t3.medium', 1, ?, ?)"
)


@pytest.mark.parametrize(("phase", "stop_requested"), list(product(JobPhase, [False, True])))
def test_stored_status_is_that_of_the_domain(stores: Stores, path: Path, phase: JobPhase, stop_requested: bool) -> None:
    query(path, INSERT, "n", "n", phase.value, 1, 1 if stop_requested else None)
    assert query(path, "SELECT status FROM jobs") == [(status_of(phase, stop_requested=stop_requested),)]


def test_status_cannot_be_written(stores: Stores, path: Path) -> None:
    add_job(stores.jobs)
    with pytest.raises(sqlite3.OperationalError, match="generated column"):
        query(path, "UPDATE jobs SET status = 'Completed'")


@pytest.mark.parametrize("phase", ["pending", "Downloading", "", "InProgress"])
def test_phase_that_the_domain_does_not_know_is_refused(stores: Stores, path: Path, phase: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        query(path, INSERT, "n", "n", phase, 1, None)


@pytest.mark.parametrize("phase", JobPhase)
def test_terminal_phase_needs_an_end(stores: Stores, path: Path, phase: JobPhase) -> None:
    if phase.is_terminal:
        with pytest.raises(sqlite3.IntegrityError, match="terminal_phase_has_end"):
            query(path, INSERT, "n", "n", phase.value, None, None)
    else:
        query(path, INSERT, "n", "n", phase.value, None, None)
    assert len(query(path, "SELECT 1 FROM jobs")) == (0 if phase.is_terminal else 1)


def test_folded_names_are_unique_in_the_schema_itself(stores: Stores, path: Path) -> None:
    query(path, INSERT, "N", "n", "Pending", None, None)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        query(path, INSERT, "n", "n", "Pending", None, None)


ROOTS = {"jobs", "log_groups", "metrics", "metric_alarms", "event_rules", "event_deliveries", "emulator_schema"}


@pytest.mark.parametrize("table", sorted(set(metadata.tables) - ROOTS))
def test_no_row_may_belong_to_nothing(table: str) -> None:
    assert metadata.tables[table].foreign_keys


def test_foreign_keys_are_enforced(stores: Stores) -> None:
    with stores.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_id_of_a_deleted_job_is_not_given_again(stores: Stores, path: Path) -> None:
    first = add_job(stores.jobs, "a")
    for table in ("job_events", "job_requests"):
        query(path, f"DELETE FROM {table}")
    query(path, "DELETE FROM jobs")
    assert add_job(stores.jobs, "b").id > first.id


def test_request_lies_apart_from_the_job(stores: Stores, path: Path) -> None:
    job = move_to(stores.jobs, add_job(stores.jobs), JobPhase.RUNNING)
    (row,) = query(path, "SELECT * FROM jobs")
    assert not any("AppSpecification" in str(value) for value in row)
    assert stores.jobs.get(job.id).request == job.request
