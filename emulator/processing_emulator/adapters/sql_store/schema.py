"""Makes the tables in a new database, and refuses a database that is not of this schema."""

from sqlalchemy import Connection, Inspector, insert, inspect, select

from processing_emulator.adapters.sql_store.all_tables import metadata
from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.metadata import SCHEMA_VERSION, emulator_schema
from processing_emulator.errors import StoreFailure

_OLD_VERSION_TABLE = "schema_version"


def ensure_schema(database: Database) -> None:
    """Create the tables when there are none. Raises StoreFailure for a database of another version or program."""
    with database.writing() as connection:
        if not _has_schema(connection, database.name):
            metadata.create_all(connection)
            connection.execute(insert(emulator_schema).values(version=SCHEMA_VERSION))


def check_schema(database: Database) -> None:
    """Raise StoreFailure where `ensure_schema` would, without changing the database."""
    with database.reading() as connection:
        _has_schema(connection, database.name)


def _has_schema(connection: Connection, name: str) -> bool:
    """Whether the tables are there: all or none are, because one transaction makes them."""
    inspector = inspect(connection)
    if inspector.has_table(emulator_schema.name):
        found = connection.execute(select(emulator_schema.c.version)).scalars().all()
        if found != [SCHEMA_VERSION]:
            raise _other_version(name, f"version {' and '.join(map(str, found)) or 'unknown'}")
        if lacking := _columns_lacking(inspector):
            raise _other_version(name, f"without {lacking[0]}")
        return True
    if inspector.has_table(_OLD_VERSION_TABLE):
        raise _other_version(name, "version from before the first release")
    foreign = [table for table in sorted(metadata.tables) if inspector.has_table(table)]
    if foreign:
        raise StoreFailure(
            f"Database {name} was not made by the emulator: it has tables that the emulator needs for itself"
            f" ({', '.join(foreign)}), but no schema version. Start with another data directory or database."
        )
    return False


def _columns_lacking(inspector: Inspector) -> list[str]:
    """Columns that the tables do not have: until the first release, versions of development have the same number."""
    there = {
        (table, column["name"]) for (_, table), columns in inspector.get_multi_columns().items() for column in columns
    }
    return [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if (table.name, column.name) not in there
    ]


def _other_version(name: str, found: str) -> StoreFailure:
    return StoreFailure(
        f"Database {name} was made by another version of the emulator: its schema is {found},"
        f" and this emulator needs version {SCHEMA_VERSION}. Start with another data directory or database, delete"
        " this one, or use the version of the emulator that made it."
    )
