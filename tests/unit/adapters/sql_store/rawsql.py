"""Reads and changes a store's file with plain SQL."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def query(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of one statement, run and committed by a separate connection."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()
