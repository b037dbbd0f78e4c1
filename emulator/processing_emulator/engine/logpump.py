"""Brings every line a container writes into the log store, once, in order, across crashes of either side.

A reader follows the engine's stream; a writer stores what has gathered. The writer pauses between writes, so that a
slow printer makes few transactions, and the reader waits when the writer falls behind, so that memory stays flat.
"""

import logging
import threading
from collections.abc import Sequence

from processing_emulator.domain.job import InstanceRecord, LogCursor
from processing_emulator.engine.activity import EndContainer
from processing_emulator.engine.retry import Detached, StoreRetry
from processing_emulator.errors import RuntimeFailure, RuntimeUnavailable, StaleJob
from processing_emulator.ports import ContainerRuntime, LogStore, RawLine

logger = logging.getLogger(__name__)

WRITE_PAUSE_SECONDS = 0.2
DRAIN_SECONDS = 300.0
"""How long the log of a container that has exited may take to be read and stored."""

RETRY_SECONDS = 1.0
BUFFERED_BYTES = 16 * 1024**2
LINE_OVERHEAD_BYTES = 150
"""What a line takes in memory beside its text."""


class LogPump:
    """One container's output; an Activity."""

    name = "log"

    def __init__(
        self, runtime: ContainerRuntime, logs: LogStore, record: InstanceRecord, container_id: str, name: str
    ) -> None:
        self._runtime = runtime
        self._logs = logs
        self._record = record
        self._container_id = container_id
        self._read_cursor = record.cursor
        self._buffer: list[RawLine] = []
        self._buffer_bytes = 0
        self._buffer_cursor = record.cursor
        self._failed = False
        self._changed = threading.Condition()
        self._exited = threading.Event()
        self._was_cut = False
        self._abandoned = threading.Event()
        self._drained = threading.Event()
        self._retry = StoreRetry(self._abandoned, name)
        self._reader = threading.Thread(target=self._read, name=f"{name}-log-reader", daemon=True)
        self._writer = threading.Thread(target=self._write, name=f"{name}-log-writer", daemon=True)

    def start(self, _end_container: EndContainer) -> None:
        """Begin at the stored cursor."""
        self._reader.start()
        self._writer.start()

    def finish(self, *, engine_was_away: bool) -> bool:
        """Read to the end and store it. False when that took too long.

        A stream that ended while the engine was away may not have been whole; it is read once more.
        """
        self._was_cut = engine_was_away
        self._exited.set()
        self._reader.join(DRAIN_SECONDS)
        self._writer.join(DRAIN_SECONDS)
        return not (self._failed or self._reader.is_alive() or self._writer.is_alive())

    def abandon(self) -> None:
        """Stop where it is; what is not stored yet is read again after a restart."""
        self._abandoned.set()
        self._exited.set()
        with self._changed:
            self._changed.notify_all()

    def _read(self) -> None:
        try:
            while not self._abandoned.is_set():
                knew_exit = self._exited.is_set()
                if not self._read_stream():
                    self._abandoned.wait(RETRY_SECONDS)
                elif knew_exit:
                    return
                elif self._has_exited():
                    self._exited.wait()
                    if not self._was_cut:
                        return
                else:
                    self._abandoned.wait(RETRY_SECONDS)
        except RuntimeFailure as error:
            self._failed = True
            logger.warning("the log cannot be read to its end: %s", error, extra={"action": "log_lost"})
        finally:
            self._drained.set()
            with self._changed:
                self._changed.notify_all()

    def _has_exited(self) -> bool:
        try:
            return self._runtime.inspect(self._container_id).exit is not None
        except RuntimeUnavailable:
            return False

    def _read_stream(self) -> bool:
        """Read what the engine has, from the cursor on; False when it was away."""
        skip = self._read_cursor.lines_in_second
        try:
            for batch in self._runtime.stream_logs(self._container_id, self._read_cursor.second):
                fresh = batch[skip:]
                skip -= len(batch) - len(fresh)
                self._hand_over(fresh)
                if self._abandoned.is_set():
                    return True
        except RuntimeUnavailable:
            logger.warning("engine away, log continues later", extra={"action": "log_interrupted"})
            return False
        return True

    def _hand_over(self, lines: Sequence[RawLine]) -> None:
        self._read_cursor = self._read_cursor.advanced([line.at_ns for line in lines])
        with self._changed:
            self._changed.wait_for(lambda: self._buffer_bytes < BUFFERED_BYTES or self._abandoned.is_set())
            self._buffer.extend(lines)
            self._buffer_bytes += sum(len(line.data) + LINE_OVERHEAD_BYTES for line in lines)
            self._buffer_cursor = self._read_cursor
            self._changed.notify_all()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._buffer or self._drained.is_set() or self._abandoned.is_set())
                lines, self._buffer, self._buffer_bytes = self._buffer, [], 0
                cursor = self._buffer_cursor
                self._changed.notify_all()
            if not lines:
                return
            if not self._store(lines, cursor):
                return
            self._exited.wait(WRITE_PAUSE_SECONDS)

    def _store(self, lines: Sequence[RawLine], cursor: LogCursor) -> bool:
        """Store until it works; False when abandoned meanwhile."""
        try:
            self._retry(lambda: self._logs.append(self._record.job_id, self._record.index, lines, cursor))
        except StaleJob:
            logger.exception("another process stores this log", extra={"job_id": self._record.job_id})
            self.abandon()
            return False
        except Detached:
            return False
        return True
