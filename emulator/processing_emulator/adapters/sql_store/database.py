"""The connection to a database: transactions that read, and transactions that write, one at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Executable, select

from processing_emulator.adapters.sql_store.errors import translated
from processing_emulator.errors import StoreFailure


class Database:
    """One database, used from any thread. A unit of work is `with reading()` or `with writing()`; never nest them.

    Both engines share one pool of connections. Writers come one at a time, also those of other processes: each adapter
    (`sqlite`, `postgresql`) makes `writers` take a lock of the database when a transaction begins.
    """

    def __init__(self, *, name: str, readers: Engine, writers: Engine) -> None:
        """`name` is how messages call it."""
        self.name = name
        self._readers = readers
        self._writers = writers
        self._closed = False
        self._holding: Connection | None = None
        # Threads of this process wait here: those that wait for SQLite's own lock poll it, and those that wait for
        # PostgreSQL's each hold a connection.
        self._write_lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database. Raises StoreFailure."""
        with translated(self.name), self._connect(self._readers) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: stored whole when the block ends well. Raises StoreFailure, RowRefused."""
        with (
            translated(self.name),
            self._write_lock,
            self._connect(self._writers) as connection,
            connection.begin(),
        ):
            yield connection

    def ping(self) -> None:
        """Raises StoreFailure when the database does not answer."""
        with self.reading() as connection:
            connection.execute(select(1))

    def hold(self, lock: Executable) -> None:
        """Take a lock that belongs to a connection, and keep that connection until `close`. Raises StoreFailure."""
        with translated(self.name):
            self._holding = self._connect(self._readers)
            self._holding.execute(lock)
            self._holding.commit()

    def close(self) -> None:
        """Close all connections; may be called twice."""
        self._closed = True
        if self._holding is not None:
            self._holding.close()
        self._readers.dispose()

    def _connect(self, engine: Engine) -> Connection:
        if self._closed:
            raise StoreFailure(f"Database {self.name} is closed.")
        return engine.connect()
