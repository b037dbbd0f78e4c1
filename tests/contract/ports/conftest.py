"""The stores that the suites of the store ports run on: in memory and on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from processing_emulator.ports import JobStore

from tests.contract.ports.stores import KINDS, PortStores, open_stores


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PortStores]:
    """Empty stores that belong together."""
    with open_stores(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def jobs(stores: PortStores) -> JobStore:
    """The store of jobs among them."""
    return stores.jobs
