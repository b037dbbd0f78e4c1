"""The connection to a database: transactions that read, and transactions that write, one at a time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import Connection, Engine, Executable, select
from sqlalchemy.exc import SQLAlchemyError

from processing_emulator.adapters.sql_store.database_file import DatabaseFile
from processing_emulator.adapters.sql_store.errors import translated
from processing_emulator.errors import StoreFailure


class Database:
    """One database, used from any thread. A unit of work is `with reading()` or `with writing()`; never nest them.

    Both engines share one pool of connections. Writers come one at a time, also those of other processes: each adapter
    (`sqlite`, `postgresql`) makes `writers` take a lock of the database when a transaction begins.
    """

    def __init__(
        self,
        *,
        name: str,
        readers: Engine,
        writers: Engine,
        busy_timeout_seconds: float,
        file: DatabaseFile | None = None,
        give_space_back: Callable[[Connection], bool] = lambda _connection: False,
        used_bytes: Callable[[Connection], int | None] = lambda _connection: None,
    ) -> None:
        """`name` is how messages call it. A write waits at most the time-out for the other writes of this process.

        `file`: what must be there for a write to count. `give_space_back` makes the database smaller by a part of what
        it does not use, and says whether there is more. `used_bytes` is the rest, where the database knows it.
        """
        self.name = name
        self._file = file
        self._give_space_back = give_space_back
        self._used_bytes = used_bytes
        self._busy_timeout_seconds = busy_timeout_seconds
        self._readers = readers
        self._writers = writers
        self._closed = False
        self._holding: Connection | None = None
        # Threads of this process wait here: those that wait for SQLite's own lock poll it, and those that wait for
        # PostgreSQL's each hold a connection.
        self._write_lock = threading.Lock()
        self._failed_starts = 0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database. Raises StoreFailure."""
        with translated(self.name), self._connect(self._readers) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: stored whole when the block ends well. Raises StoreFailure, RowRefused."""
        self._check_file()
        with translated(self.name), self._turn_to_write(), self._started_write() as connection:
            yield connection

    def ping(self) -> None:
        """Raises StoreFailure when the database does not answer."""
        self._check_file()
        with self.reading() as connection:
            connection.execute(select(1))

    def give_space_back(self) -> bool:
        """Give a part of the unused space back to the file system; whether there is more. Raises StoreFailure."""
        with self.writing() as connection:
            return self._give_space_back(connection)

    def used_bytes(self) -> int | None:
        """The space that is used, None where the database does not know it. Raises StoreFailure."""
        with self.reading() as connection:
            return self._used_bytes(connection)

    def watch_file(self) -> None:
        """From now on writes are refused when the database's file is not there any more. Raises StoreFailure."""
        if self._file is not None:
            with translated(self.name):
                self._file.watch()

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
        if self._file is not None:
            self._file.close()

    def _check_file(self) -> None:
        """Raises StoreLost."""
        if self._file is not None:
            self._file.check()

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        """Hold `_write_lock`.

        When a write cannot start because another process holds the database locked or the server is away, those behind
        it fail with it. If each waited for the time-out in its turn, the last would wait for minutes.
        """
        failed_before = self._failed_starts
        if not self._write_lock.acquire(timeout=self._busy_timeout_seconds):
            raise StoreFailure(
                f"Database {self.name}: it is busy; another write has taken longer than"
                f" {self._busy_timeout_seconds:g} seconds."
            )
        try:
            if self._failed_starts != failed_before:
                raise StoreFailure(f"Database {self.name}: it is locked or does not answer; an earlier write failed.")
            yield
        finally:
            self._write_lock.release()

    @contextmanager
    def _started_write(self) -> Iterator[Connection]:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._connect(self._writers))
                stack.enter_context(connection.begin())
            except SQLAlchemyError:
                self._failed_starts += 1
                raise
            yield connection

    def _connect(self, engine: Engine) -> Connection:
        if self._closed:
            raise StoreFailure(f"Database {self.name} is closed.")
        return engine.connect()
