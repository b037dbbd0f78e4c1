"""Opens a database and hands out the stores in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from processing_emulator.adapters.sql_store.alarm_store import SqlAlarmStore
from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.event_rule_store import SqlEventRuleStore
from processing_emulator.adapters.sql_store.job_removal import SqlJobRemoval
from processing_emulator.adapters.sql_store.job_store import SqlJobStore
from processing_emulator.adapters.sql_store.log_store import SqlLogStore
from processing_emulator.adapters.sql_store.metric_store import SqlMetricStore
from processing_emulator.adapters.sql_store.postgresql import postgresql_database, reserve_for_this_server
from processing_emulator.adapters.sql_store.schema import ensure_schema
from processing_emulator.adapters.sql_store.sqlite import sqlite_database

BUSY_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The stores of one database; may be used from any thread."""

    jobs: SqlJobStore
    logs: SqlLogStore
    metrics: SqlMetricStore
    alarms: SqlAlarmStore
    rules: SqlEventRuleStore
    removal: SqlJobRemoval
    database: Database

    def ping(self) -> None:
        """Raises StoreFailure when the database does not answer."""
        self.database.ping()

    def close(self) -> None:
        """Close the database; may be called twice."""
        self.database.close()


def open_store(path: Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> Stores:
    """Open the SQLite database at `path`, or make it; its folder must exist.

    Raises StoreFailure when it cannot be opened, is no database, or was made by another version of the emulator.
    """
    return _open(sqlite_database(path, busy_timeout_seconds=busy_timeout_seconds))


def open_postgresql_store(url: str, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> Stores:
    """Open the PostgreSQL database that a URL names, which must exist; the tables are made when there are none.

    Raises StoreFailure when its driver is missing, when it cannot be reached, when another server uses it, or when it
    was made by another version of the emulator.
    """
    return _open(postgresql_database(url, busy_timeout_seconds=busy_timeout_seconds), reserve_for_this_server)


def _open(database: Database, reserve: Callable[[Database], None] = lambda _database: None) -> Stores:
    """The data directory of a SQLite database is reserved for one server already."""
    try:
        reserve(database)
        ensure_schema(database)
        database.watch_file()
    except BaseException:
        database.close()
        raise
    return Stores(
        jobs=SqlJobStore(database),
        logs=SqlLogStore(database),
        metrics=SqlMetricStore(database),
        alarms=SqlAlarmStore(database),
        rules=SqlEventRuleStore(database),
        removal=SqlJobRemoval(database),
        database=database,
    )
