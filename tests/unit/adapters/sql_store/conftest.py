"""An open SQLite store in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from processing_emulator.adapters.sql_store.store import Stores, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emulator.db"


@pytest.fixture
def stores(path: Path) -> Iterator[Stores]:
    opened = open_store(path, busy_timeout_seconds=0.05)
    yield opened
    opened.close()
