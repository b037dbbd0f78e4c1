"""Statements handed to the driver as text, for the few that run thousands of times a second.

SQLAlchemy's own way to run a statement costs several times what the database does for a row. The text is made from the
same tables all the same; errors are translated as everywhere.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Select, TableClause, bindparam
from sqlalchemy.dialects.sqlite import dialect, insert

from processing_emulator.adapters.sql_store.database import DriverCursor


class DriverInsert:
    """Rows into all columns of a table or a view, in one statement. Values go as the driver takes them: whole numbers,
    text, None.
    """

    def __init__(self, table: TableClause) -> None:
        made = insert(table).compile(dialect=dialect(), column_keys=table.columns.keys())
        self._head, self._values, self._row = str(made).partition(" VALUES ")

    def add(self, cursor: DriverCursor, rows: Sequence[Sequence[Any]]) -> int:
        """At least one row, a few tens at most; values in the order of the columns. How many rows that changed."""
        before = cursor.connection.total_changes
        text = self._head + self._values + ", ".join([self._row] * len(rows))
        cursor.execute(text, [value for row in rows for value in row])
        return cursor.connection.total_changes - before


class DriverLookup:
    """A select with parameters, narrowed to some values of one column; columns come as the driver gives them."""

    def __init__(self, statement: Select[Any], column: Column[Any]) -> None:
        self._statement = statement
        self._column = column
        self.columns = tuple(statement.selected_columns.keys())
        self._made = lru_cache(maxsize=16)(self._make)

    def rows(self, cursor: DriverCursor, parameters: Mapping[str, Any], wanted: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows with one of these values, of which there is at least one."""
        size = 1 << (len(wanted) - 1).bit_length()  # few sizes, so that few texts have to be made
        text, names = self._made(size)
        values = dict(parameters)
        values.update(zip(_places(size), [*wanted, *[wanted[-1]] * (size - len(wanted))], strict=True))
        cursor.execute(text, [values[name] for name in names])
        return cursor.fetchall()

    def _make(self, size: int) -> tuple[str, Sequence[str]]:
        narrowed = self._statement.where(self._column.in_([bindparam(name) for name in _places(size)]))
        made = narrowed.compile(dialect=dialect())
        return str(made), tuple(made.positiontup or ())


@lru_cache(maxsize=16)
def _places(size: int) -> tuple[str, ...]:
    return tuple(f"wanted_{number}" for number in range(size))
