"""Inserts handed to the driver as text, for the rows that come thousands of times a second.

SQLAlchemy's own way to run an insert costs several times what the database does with the row; the text is SQLAlchemy's
all the same, made once from the table, and errors are translated as everywhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.sqlite import dialect, insert


class DriverInsert:
    """Rows into some columns of one table. Values go as the driver takes them: whole numbers, text, None."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        made = insert(table).compile(dialect=dialect(), column_keys=list(columns))
        self._text = str(made)
        self._text_or_nothing = str(
            insert(table).on_conflict_do_nothing().compile(dialect=dialect(), column_keys=list(columns))
        )
        self._columns = tuple(made.positiontup or ())

    def add(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """All rows."""
        if rows:
            connection.exec_driver_sql(self._text, [self._values(row) for row in rows])

    def add_unless_taken(self, connection: Connection, row: Mapping[str, Any]) -> int | None:
        """The id of a new row; None, and nothing is added, when a unique index has one like it."""
        result = connection.exec_driver_sql(self._text_or_nothing, self._values(row))
        return result.lastrowid if result.rowcount else None

    def _values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[column] for column in self._columns)
