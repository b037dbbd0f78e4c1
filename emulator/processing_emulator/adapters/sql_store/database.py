"""The connection to the database: units of work, and what SQLite has to be told."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from processing_emulator.adapters.sql_store.checkpointing import Checkpointer
from processing_emulator.adapters.sql_store.errors import translated
from processing_emulator.adapters.sql_store.json_columns import from_json, to_json
from processing_emulator.errors import StoreFailure

_WRITES = "emulator_writes"
_BEGIN_WRITING = "BEGIN IMMEDIATE"
"""Takes the write lock at once: a transaction that reads first and writes later could be refused midway."""

_WAL_LIMIT_BYTES = 64 * 1024**2
_CHECKPOINT_PAGES = 131072
"""512 MiB. Whoever commits then waits for the disk; checkpoints beside the writers keep the log below that."""

_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"
_CHECKPOINTS_BESIDE_WRITERS = 3

_POOLED_CONNECTIONS = 8
_MORE_CONNECTIONS = 120
"""Beside the pooled ones: more than there are threads in a server, so that nobody waits for a connection."""


class DriverConnection(Protocol):
    """What is used of the driver's connection."""

    total_changes: int


class DriverCursor(Protocol):
    """What is used of the driver's cursor."""

    connection: DriverConnection

    def execute(self, text: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        ...


class Database:
    """One database, used from any thread. A unit of work is `with reading()` or `with writing()`; never nest them."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._name = str(path)
        self._closed = False
        # SQLite has one writer at a time, and those who wait for its own lock poll; here they queue.
        self._write_lock = threading.Lock()
        self._storing: PoolProxiedConnection | None = None
        """Kept from one statement to the next: to fetch a connection costs as much as to store a job."""
        self._checkpoints = Checkpointer(path.with_name(f"{path.name}-wal"), self._checkpoint)

    @property
    def name(self) -> str:
        """How messages call it."""
        return self._name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database. Raises StoreFailure."""
        with translated(self._name), self._connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def looking(self) -> Iterator[DriverCursor]:
        """The driver's cursor, for one statement that reads: it needs no transaction. Raises StoreFailure."""
        with translated(self._name), self._driver_connection() as connection, closing(connection.cursor()) as cursor:
            yield cast(DriverCursor, cursor)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: stored whole when the block ends well. Raises StoreFailure, RowRefused."""
        with (
            translated(self._name),
            self._write_lock,
            self._connect().execution_options(**{_WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection
        self._checkpoints.written()

    @contextmanager
    def storing(self) -> Iterator[DriverCursor]:
        """The driver's cursor, for one statement that writes, which is a transaction of its own; nobody else writes
        meanwhile. Raises as `writing` does.
        """
        with translated(self._name), self._write_lock:
            self._require_open()
            if self._storing is None:
                self._storing = self._engine.raw_connection()
            try:
                with closing(self._storing.cursor()) as cursor:
                    yield cast(DriverCursor, cursor)
            except BaseException:
                self._stop_storing()
                raise
        self._checkpoints.written()

    def _stop_storing(self) -> None:
        connection, self._storing = self._storing, None
        if connection is not None:
            connection.close()

    def ping(self) -> None:
        """Raises StoreFailure when the database does not answer."""
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Let go of all connections; may be called twice."""
        self._closed = True
        self._checkpoints.stop()
        with self._write_lock:
            self._stop_storing()
        self._engine.dispose()

    def _connect(self) -> Connection:
        self._require_open()
        return self._engine.connect()

    def _driver_connection(self) -> closing[PoolProxiedConnection]:
        """Given back to the pool at the end, which rolls back what was not committed."""
        self._require_open()
        return closing(self._engine.raw_connection())

    def _checkpoint(self) -> None:
        """Each time what was written meanwhile, which is less and less; the rest while the writers wait, so that the
        log begins anew.
        """
        with (
            translated(self._name),
            closing(self._engine.raw_connection()) as connection,
            closing(connection.cursor()) as cursor,
        ):
            for _ in range(_CHECKPOINTS_BESIDE_WRITERS):
                cursor.execute(_CHECKPOINT)
            with self._write_lock:
                cursor.execute(_CHECKPOINT)

    def _require_open(self) -> None:
        if self._closed:
            raise StoreFailure(f"Database {self._name} is closed.")


def sqlite_database(path: Path, *, busy_timeout_seconds: float) -> Database:
    """A database in a file. Other processes may hold its lock for the time-out before a write of ours fails."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # No isolation level: the driver begins nothing by itself, `_begin` does.
        connect_args={"timeout": busy_timeout_seconds, "isolation_level": None},
        json_serializer=to_json,
        json_deserializer=from_json,
        pool_size=_POOLED_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_use_lifo=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return Database(engine, path)


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # WAL: readers and the writer do not wait for each other. NORMAL: nothing is lost when the process dies;
    # when the machine loses power, the last transactions may be, whole. MEMORY: no file is made and removed for
    # what a statement of many rows may have to take back.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"journal_size_limit={_WAL_LIMIT_BYTES}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(_BEGIN_WRITING if connection.get_execution_options().get(_WRITES) else "BEGIN")
