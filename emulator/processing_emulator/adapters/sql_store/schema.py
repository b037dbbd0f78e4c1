"""Makes the tables, brings an older database up to date, and refuses one that is newer than this emulator."""

from sqlalchemy import insert, inspect, select, text, update

from processing_emulator.adapters.sql_store.all_tables import metadata
from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.metadata import SCHEMA_VERSION, schema_version
from processing_emulator.adapters.sql_store.migrations import can_migrate, migrate
from processing_emulator.adapters.sql_store.new_jobs import MAKE_NEW_JOBS
from processing_emulator.errors import StoreFailure


def ensure_schema(database: Database) -> None:
    """Create what a new database needs; migrate an older one, all or nothing; leave one of this version as it is.

    Raises StoreFailure when the database was made by another version of the schema that cannot be migrated.
    """
    with database.writing() as connection:
        if not inspect(connection).has_table(schema_version.name):
            metadata.create_all(connection)
            for statement in MAKE_NEW_JOBS:
                connection.execute(text(statement))
            connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
        found = connection.execute(select(schema_version.c.version)).scalar_one()
        if found < SCHEMA_VERSION and can_migrate(found):
            migrate(connection, found)
            connection.execute(update(schema_version).values(version=SCHEMA_VERSION))
            found = SCHEMA_VERSION
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
