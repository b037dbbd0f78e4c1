"""Statements that go to the driver as text keep the manners of all others: errors, transactions, many values."""

from pathlib import Path

import pytest

from emulator.adapters.sql_store.driver_statements import ROWS_AT_ONCE, DriverInsert
from emulator.adapters.sql_store.errors import RowRefused
from emulator.adapters.sql_store.store import Stores
from emulator.adapters.sql_store.tables import jobs as jobs_table
from emulator.errors import InternalBug, StoreFailure
from tests.builders import a_key
from tests.contract.ports.stores import add_job
from tests.unit.adapters.sql_store.rawsql import query

COLUMNS = ("account", "region", "name", "folded_name", "phase", "created_at_ms", "modified_at_ms")


def a_row(name: str, phase: str = "Pending") -> tuple[str | int, ...]:
    return ("a", "r", name, name, phase, 1, 1)


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


def test_a_row_against_a_constraint_is_refused_and_nothing_of_its_transaction_stays(stores: Stores, path: Path) -> None:
    rows = [*(a_row(f"good-{number}") for number in range(ROWS_AT_ONCE)), a_row("bad", phase="Nonsense")]
    with pytest.raises(RowRefused, match="refused a row"), stores.database.storing() as cursor:
        DriverInsert(jobs_table, COLUMNS).add(cursor, rows)
    assert query(path, "SELECT count(*) FROM jobs") == [(0,)]
    assert add_job(stores.jobs, "after").key.name == "after"


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 40])
def test_any_number_of_rows_is_stored(stores: Stores, path: Path, count: int) -> None:
    rows = [a_row(f"job-{number:02d}") for number in range(count)]
    with stores.database.storing() as cursor:
        DriverInsert(jobs_table, COLUMNS).add(cursor, rows)
    assert query(path, f"SELECT {', '.join(COLUMNS)} FROM jobs ORDER BY id") == rows  # our own names


def test_columns_in_another_order_than_the_table_are_a_bug() -> None:
    with pytest.raises(InternalBug, match="not in the order"):
        DriverInsert(jobs_table, ("region", "account"))
