"""Statements that go to the driver as text keep the manners of all others: errors, transactions, many values."""

from pathlib import Path

import pytest

from emulator.adapters.sql_store.driver_statements import DriverInsert
from emulator.adapters.sql_store.errors import RowRefused
from emulator.adapters.sql_store.new_jobs import new_jobs
from emulator.adapters.sql_store.store import Stores
from emulator.errors import StoreFailure
from tests.builders import a_key
from tests.contract.ports.stores import add_job
from tests.unit.adapters.sql_store.rawsql import query


def a_row(job_id: int, name: str, phase: str = "Pending") -> tuple[str | int, ...]:
    return (job_id, "a", "r", name, name, phase, 1, "{}", '{"b":"","ä":"\\""}')


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
        DriverInsert(new_jobs).add(cursor, rows)
    stored = query(
        path, "SELECT id, account, region, name, folded_name, phase, at_ms, request FROM new_jobs ORDER BY id"
    )
    assert stored == [row[:-1] for row in rows]
    assert query(path, "SELECT key, value FROM job_tags WHERE job_id = 1 ORDER BY key") == [("b", ""), ("ä", '"')]
