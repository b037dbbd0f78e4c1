"""A bounded pool of threads, each with its own connection to the store. Transfers share it and take turns."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from processing_emulator.adapters.s3_store.connection import Connection
from processing_emulator.errors import Cancelled
from processing_emulator.ports import CancelToken

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
"""How often a running transfer checks its cancel token."""

_CANCELLED = "the transfer was cancelled"
_CLOSED = "the object store was closed"

Task: TypeAlias = "Callable[[Connection], Sequence[Task]]"
"""One step of a transfer: runs on a connection and returns the tasks that can run only after it."""


class _Batch:
    """The tasks of one transfer and its failure. The pool's lock guards everything except the events."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.pending: deque[Task] = deque(tasks)
        self.connections: set[Connection] = set()
        """Those that run a task of this transfer now."""
        self.failure: BaseException | None = None
        self.failed = threading.Event()
        self.ended = threading.Event()

    def fail(self, failure: BaseException) -> None:
        """Drop the pending tasks and abort the running ones. Only the first failure counts."""
        if self.failure is None:
            self.failure = failure
            self.pending.clear()
            self.failed.set()
            for connection in self.connections:
                connection.abort()


class TransferPool:
    """Runs transfers. Threads start when they are first needed and wait for more work until the pool is closed."""

    def __init__(self, size: int, connect: Callable[[], Connection]) -> None:
        self._size = size
        self._connect = connect
        self._changed = threading.Condition()
        self._batches: deque[_Batch] = deque()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def run(self, tasks: Iterable[Task], cancel: CancelToken) -> None:
        """Run all tasks. When it returns or raises, no task of them is running any more.

        Raises the first failure of a task, which aborts the other tasks, or Cancelled.
        """
        batch = _Batch(tasks)
        if cancel.is_set():
            raise Cancelled(_CANCELLED)
        if not batch.pending:
            return
        self._admit(batch)
        try:
            while not batch.ended.wait(LOOK_SECONDS):
                if cancel.is_set():
                    self._fail(batch, Cancelled(_CANCELLED))
        except BaseException as error:
            self._fail(batch, error)
            batch.ended.wait()
            raise
        if batch.failure is not None:
            raise batch.failure

    def close(self) -> None:
        """End all threads. Running transfers fail with Cancelled."""
        with self._changed:
            self._is_closed = True
            for batch in list(self._batches):
                batch.fail(Cancelled(_CLOSED))
                self._end_if_done(batch)
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def _admit(self, batch: _Batch) -> None:
        with self._changed:
            if self._is_closed:
                raise Cancelled(_CLOSED)
            self._batches.append(batch)
            self._start_threads(len(batch.pending))
            self._changed.notify_all()

    def _start_threads(self, tasks: int) -> None:
        """Start those that are missing to run so many new tasks. The caller holds the lock."""
        for _ in range(min(tasks, self._size - len(self._threads))):
            number = len(self._threads) + 1
            thread = threading.Thread(target=self._work, name=f"s3-transfer-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _fail(self, batch: _Batch, failure: BaseException) -> None:
        with self._changed:
            batch.fail(failure)
            self._end_if_done(batch)

    def _work(self) -> None:
        connection = self._connect()
        while (found := self._next_task(connection)) is not None:
            batch, task = found
            more: Sequence[Task] = ()
            failure: BaseException | None = None
            try:
                more = task(connection)
            except BaseException as error:  # noqa: BLE001  (`run` raises it)
                failure = error
            self._task_done(batch, connection, more, failure)
        connection.close()

    def _next_task(self, connection: Connection) -> tuple[_Batch, Task] | None:
        with self._changed:
            while not self._batches and not self._is_closed:
                self._changed.wait()
            if not self._batches:
                return None
            batch = self._batches.popleft()
            task = batch.pending.popleft()
            if batch.pending:
                self._batches.append(batch)
            batch.connections.add(connection)
            connection.stopped = batch.failed
            return batch, task

    def _task_done(
        self, batch: _Batch, connection: Connection, more: Sequence[Task], failure: BaseException | None
    ) -> None:
        with self._changed:
            batch.connections.discard(connection)
            if failure is not None:
                batch.fail(failure)
            elif more and batch.failure is None:
                if not batch.pending:
                    self._batches.append(batch)
                batch.pending.extendleft(reversed(more))
                if not self._is_closed:
                    self._start_threads(len(more))
                self._changed.notify(len(more))
            self._end_if_done(batch)

    def _end_if_done(self, batch: _Batch) -> None:
        """Remove a batch without pending tasks from the round, and end it once no task of it is running."""
        if not batch.pending:
            if batch in self._batches:
                self._batches.remove(batch)
            if not batch.connections:
                batch.ended.set()
