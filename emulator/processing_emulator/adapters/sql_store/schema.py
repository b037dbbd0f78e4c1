"""Makes the tables in a new database, and refuses a database of another schema version."""

from sqlalchemy import insert, inspect, select

from processing_emulator.adapters.sql_store.all_tables import metadata
from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.metadata import SCHEMA_VERSION, schema_version
from processing_emulator.errors import StoreFailure


def ensure_schema(database: Database) -> None:
    """Create the tables when there are none. Raises StoreFailure for a database of another version."""
    with database.writing() as connection:
        if not inspect(connection).has_table(schema_version.name):
            metadata.create_all(connection)
            connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
        found = connection.execute(select(schema_version.c.version)).scalar_one()
    if found != SCHEMA_VERSION:
        raise StoreFailure(
            f"Database {database.name} was made by another version of the emulator: its schema is version {found},"
            f" and this emulator needs version {SCHEMA_VERSION}. Start with another data directory or database, delete"
            " this one, or use the version of the emulator that made it."
        )
