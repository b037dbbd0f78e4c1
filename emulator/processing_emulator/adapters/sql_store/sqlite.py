"""A database in a file: what SQLite needs so that transactions mean what `Database` promises."""

import contextlib
import secrets
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.database_file import DatabaseFile
from processing_emulator.errors import StoreFailure

_WRITES = "processing_emulator_writes"

_PAGES_AT_ONCE = 2000
"""Of 4 KiB, given back in one transaction."""

_PRAGMAS = (
    "journal_mode=WAL",  # readers and the writer do not wait for each other
    "synchronous=NORMAL",  # nothing is lost when the process dies; a power failure may take the last transactions
    "foreign_keys=ON",
    "journal_size_limit=67108864",  # the log file shrinks again after a large transaction
)


def sqlite_database(path: Path, *, busy_timeout_seconds: float) -> Database:
    """The database at `path`. Other processes may hold its lock for the time-out before a write of ours fails."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # The driver begins no transaction by itself, `_begin` does: this is SQLAlchemy's recipe for SQLite.
        connect_args={"timeout": busy_timeout_seconds, "isolation_level": None},
        pool_size=8,
        max_overflow=32,
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return Database(
        name=str(path),
        readers=engine,
        writers=engine.execution_options(**{_WRITES: True}),
        busy_timeout_seconds=busy_timeout_seconds,
        give_space_back=_give_space_back,
        used_bytes=_used_bytes,
        file=DatabaseFile(path, lambda: _application_id(engine)),
    )


def _give_space_back(connection: Connection) -> bool:
    """Shorten the file by a number of unused pages; whether there are more of them."""
    if not connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one():
        return False  # a file from before
    unused = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
    cursor = connection.connection.cursor()
    for _ in range(min(unused, _PAGES_AT_ONCE)):
        cursor.execute("PRAGMA incremental_vacuum(1)")  # of a larger number, the driver runs the first step only
    cursor.close()
    return unused > _PAGES_AT_ONCE


def _used_bytes(connection: Connection) -> int:
    """The pages of the file that hold something; those of the log of transactions that are not in the file yet, too."""
    pages, unused, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - unused) * size


def _application_id(engine: Engine) -> int:
    """The id in the header of the file; a database without one gets a random one now, in the file itself."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA application_id")
        [[found]] = cursor.fetchall()
        if not found:
            found = secrets.randbelow(2**31 - 1) + 1
            cursor.execute(f"PRAGMA application_id={found}")
        with contextlib.suppress(sqlite3.OperationalError):  # the disk may be full; the log keeps it then
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
    except sqlite3.Error as error:
        raise StoreFailure(f"Database {engine.url.database}: its application id cannot be stored: {error}.") from error
    finally:
        connection.close()
    return int(found)


def read_only_sqlite_database(path: Path) -> Database:
    """The database at `path`, to be read while no server uses it. Writes fail."""
    # Without a log of transactions, SQLite reads the file alone and makes none of its own.
    has_log = path.with_name(f"{path.name}-wal").exists()
    uri = f"{path.absolute().as_uri()}?{'mode=ro' if has_log else 'immutable=1'}"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False), poolclass=NullPool
    )
    return Database(name=str(path), readers=engine, writers=engine, busy_timeout_seconds=0)


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA page_count")
    [[pages]] = cursor.fetchall()
    if not pages:  # pages of removed rows can be given back; in a file that is there, this would wait for its lock
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """IMMEDIATE takes the write lock at once: a transaction that reads first could be refused when it writes later."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
