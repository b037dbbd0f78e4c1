"""The stores that the suites of the store ports run on: in memory, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from processing_emulator.adapters.sql_store.store import open_postgresql_store, open_store
from processing_emulator.ports import JobStore
from tests.contract.ports.stores import KINDS, PortStores, memory_stores, sql_stores


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PortStores]:
    """Empty stores that belong together."""
    match request.param:
        case "memory":
            opened = memory_stores()
        case "sqlite":
            opened = sql_stores(open_store(tmp_path / "emulator.db"))
        case _:
            opened = sql_stores(open_postgresql_store(request.getfixturevalue("postgresql_url")))
    with opened as stores:
        yield stores


@pytest.fixture
def jobs(stores: PortStores) -> JobStore:
    """The store of jobs among them."""
    return stores.jobs
