"""Makes the tables, and refuses a database that is not of this version."""

from sqlalchemy import insert, inspect, select

from emulator.adapters.sql_store.database import Database
from emulator.adapters.sql_store.tables import SCHEMA_VERSION, metadata, schema_version
from emulator.errors import StoreFailure


def ensure_schema(database: Database) -> None:
    """Create what a new database needs; leave an existing one as it is.

    Raises StoreFailure when the database was made by another version of the schema.
    """
    with database.writing() as connection:
        if not inspect(connection).has_table(schema_version.name):
            metadata.create_all(connection)
            connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
        found = connection.execute(select(schema_version.c.version)).scalar_one()
    if found > SCHEMA_VERSION:
        raise StoreFailure(
            f"Database {database.name} was made by a newer emulator (its schema is {found}, this one knows"
            f" {SCHEMA_VERSION}). Install that version again, or start with another data directory."
        )
    if found < SCHEMA_VERSION:
        raise StoreFailure(
            f"Database {database.name} was made by an older emulator (its schema is {found}, this one needs"
            f" {SCHEMA_VERSION}). Start with another data directory."
        )
