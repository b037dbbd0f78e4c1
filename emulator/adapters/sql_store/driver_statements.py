"""Statements handed to the driver as text, for the few that run thousands of times a second.

SQLAlchemy's own way to run a statement costs several times what the database does for a row. The text is SQLAlchemy's
all the same, made once from the tables, inside its transactions; errors are translated as everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Column, Connection, Select, Table, bindparam
from sqlalchemy.dialects.sqlite import dialect, insert

from emulator.adapters.sql_store.database import DriverCursor


@contextmanager
def _cursor(connection: Connection) -> Iterator[DriverCursor]:
    """The driver's cursor inside SQLAlchemy's transaction."""
    with closing(connection.connection.cursor()) as cursor:
        yield cast(DriverCursor, cursor)


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
            with _cursor(connection) as cursor:
                cursor.executemany(self._text, [self._values(row) for row in rows])

    def add_unless_taken(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Sequence[int | None]:
        """The ids of new rows; None, and nothing is added, for one that a unique index has already."""
        ids: list[int | None] = []
        with _cursor(connection) as cursor:
            for row in rows:
                cursor.execute(self._text_or_nothing, self._values(row))
                ids.append(cursor.lastrowid if cursor.rowcount else None)
        return ids

    def _values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[column] for column in self._columns)


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
