"""Statements that go to the driver as text keep the manners of all others: errors, transactions, many values."""

import json
from pathlib import Path

import pytest
from processing_emulator.adapters.sql_store.driver_statements import DriverInsert
from processing_emulator.adapters.sql_store.errors import RowRefused
from processing_emulator.adapters.sql_store.new_jobs import new_jobs
from processing_emulator.adapters.sql_store.store import Stores, open_store
from processing_emulator.errors import StoreFailure

from tests.builders import a_key
from tests.contract.ports.stores import add_job
from tests.unit.adapters.sql_store.rawsql import query


def a_row(job_id: int, name: str, phase: str = "Pending") -> tuple[str | int | None, ...]:
    return (job_id, "a", "r", name, name, phase, 1, "{}", None)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 64])
def test_any_number_of_names_is_looked_up(stores: Stores, count: int) -> None:
    for number in range(10):
        add_job(stores.jobs, f"job-{number}")
    keys = [a_key(f"job-{number}") for number in range(count)]
    assert set(stores.jobs.find_all(keys)) == set(keys[:10])


def test_a_look_up_in_a_damaged_database_is_a_store_failure(stores: Stores, path: Path) -> None:
    query(path, "ALTER TABLE job_requests RENAME TO gone")
    with pytest.raises(StoreFailure, match="no such table: job_requests"):
        stores.jobs.find_all([a_key()])


def test_a_look_up_in_a_closed_database_is_a_store_failure(stores: Stores) -> None:
    stores.close()
    with pytest.raises(StoreFailure, match="is closed"):
        stores.jobs.find_all([a_key()])


def test_a_row_against_a_constraint_is_refused_and_nothing_of_its_group_stays(stores: Stores, path: Path) -> None:
    rows = [a_row(1, "good"), a_row(2, "bad", phase="Nonsense"), a_row(3, "better")]
    with pytest.raises(RowRefused, match="refused a row"), stores.database.storing() as cursor:
        DriverInsert(new_jobs).add(cursor, rows)
    assert query(path, "SELECT count(*) FROM jobs") == [(0,)]
    assert add_job(stores.jobs, "after").key.name == "after"


@pytest.mark.parametrize("count", [1, 2, 15, 64])
def test_any_number_of_rows_is_stored(stores: Stores, path: Path, count: int) -> None:
    rows = [a_row(number, f"job-{number}") for number in range(1, count + 1)]
    with stores.database.storing() as cursor:
        assert DriverInsert(new_jobs).add(cursor, rows) == 2 * count
    assert query(path, "SELECT * FROM new_jobs ORDER BY id") == rows


def test_nothing_is_stored_of_a_job_whose_name_is_in_use(stores: Stores, path: Path) -> None:
    first, other = a_row(1, "name"), a_row(3, "other")
    with stores.database.storing() as cursor:
        assert DriverInsert(new_jobs).add(cursor, [first, (*a_row(2, "name")[:-1], '{"a":"b"}'), other]) == 4
    assert query(path, "SELECT * FROM new_jobs ORDER BY id") == [first, other]
    assert query(path, "SELECT * FROM job_tags") == []


def test_tags_are_stored_as_they_were_written(stores: Stores, path: Path) -> None:
    tags = {"ä": '"\\', "b": "", "": "\n1"}
    with stores.database.storing() as cursor:
        row = (*a_row(1, "name")[:-1], json.dumps(tags))
        assert DriverInsert(new_jobs).add(cursor, [row]) == 5
    assert dict(query(path, "SELECT key, value FROM job_tags")) == tags


def test_ids_given_by_somebody_else_are_not_given_again(stores: Stores, path: Path) -> None:
    first = add_job(stores.jobs, "first")
    other = open_store(path)
    try:
        second = add_job(other.jobs, "second")
    finally:
        other.close()
    third = add_job(stores.jobs, "third")
    assert first.id < second.id < third.id
