"""Brings everything a container prints into the log store as events, once, in order, across crashes of either side.

A reader follows the engine's stream; a writer makes events of the lines that have gathered and stores them. The writer
pauses between writes, so that a slow printer makes few transactions, and the reader waits when the writer falls
behind, so that memory stays flat. The stored cursor moves past complete events only: after a crash, the lines of the
event that was still open are read again.
"""

import logging
import threading
import time
from collections.abc import Sequence

from processing_emulator.domain.job import InstanceRecord, LogCursor
from processing_emulator.domain.log_batch import OutputEvents, UnstoredLines
from processing_emulator.domain.log_events import LogEvent
from processing_emulator.engine.activity import EndContainer
from processing_emulator.engine.retry import Detached, StoreRetry
from processing_emulator.errors import InternalBug, JobNotFound, RuntimeFailure, RuntimeUnavailable, StaleJob
from processing_emulator.ports import Clock, ContainerRuntime, LogStore, OutputBatch, RawLine

logger = logging.getLogger(__name__)

WRITE_PAUSE_SECONDS = 0.2
HOLD_SECONDS = 1.0
"""How long an event stays open for indented lines that belong to it."""

DRAIN_SECONDS = 300.0
"""How long the log of a container that has exited may take to be read and stored. After that the job continues without
the end of its log, with the event `log_incomplete`: an engine that lost the request would never send it.
"""

RETRY_SECONDS = 1.0
BUFFERED_BYTES = 16 * 1024**2
LINE_OVERHEAD_BYTES = 150
"""The memory that a line takes in addition to its text."""


class LogPump:
    """One container's output; an Activity."""

    name = "log"

    def __init__(
        self,
        runtime: ContainerRuntime,
        logs: LogStore,
        clock: Clock,
        record: InstanceRecord,
        container_id: str,
        name: str,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._drain_seconds = drain_seconds
        self._runtime = runtime
        self._logs = logs
        self._clock = clock
        self._record = record
        self._container_id = container_id
        self._read_cursor = record.cursor
        self._stored_cursor = record.cursor
        self._buffer: list[RawLine] = []
        self._buffer_bytes = 0
        self._failed = False
        self._lost_lines = False
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
        """Read to the end and store it. False when that took too long, or when lines were lost on the way.

        A stream that ended while the engine was away may not have been whole; it is read once more.
        """
        self._was_cut = engine_was_away
        self._exited.set()
        give_up_at = time.monotonic() + self._drain_seconds
        for thread in (self._reader, self._writer):
            thread.join(max(0.0, give_up_at - time.monotonic()))
        return not (self._failed or self._lost_lines or self._reader.is_alive() or self._writer.is_alive())

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
            logger.warning("log not readable to its end", extra={**self._fields, "error": str(error)})
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
        unstored = UnstoredLines(self._read_cursor)
        try:
            for batch in self._runtime.stream_logs(self._container_id, self._read_cursor.second, self._note_loss):
                fresh = unstored.of(batch)
                if unstored.lost and not self._lost_lines:
                    self._note_loss()
                self._hand_over(fresh)
                if self._abandoned.is_set():
                    return True
        except RuntimeUnavailable:
            logger.warning("log interrupted, the engine is away", extra=self._fields)
            return False
        return True

    def _note_loss(self) -> None:
        """The container printed more than the engine keeps before it was read. The rest is read all the same."""
        self._lost_lines = True
        logger.warning("log lines lost, the engine has dropped them unread", extra=self._fields)

    def _hand_over(self, lines: Sequence[RawLine]) -> None:
        self._read_cursor = self._read_cursor.advanced([line.at_ns for line in lines])
        with self._changed:
            self._changed.wait_for(lambda: self._buffer_bytes < BUFFERED_BYTES or self._abandoned.is_set())
            self._buffer.extend(lines)
            self._buffer_bytes += sum(len(line.data) + LINE_OVERHEAD_BYTES for line in lines)
            self._changed.notify_all()

    def _write(self) -> None:
        output = OutputEvents(self._stored_cursor)
        ended = False
        while not ended:
            lines, ended = self._take(output.seconds_open(self._clock.monotonic()))
            now = self._clock.monotonic()
            events = output.feed(lines, now)
            held = output.seconds_open(now) or 0.0
            if held >= HOLD_SECONDS or (ended and not self._abandoned.is_set()):
                events += output.close()
            if not self._store(events, output.cursor):
                return
            self._exited.wait(WRITE_PAUSE_SECONDS)

    def _take(self, seconds_open: float | None) -> tuple[Sequence[RawLine], bool]:
        """The lines read since the last call, none when an event was open long enough; whether nothing follows."""
        timeout = None if seconds_open is None else max(0.0, HOLD_SECONDS - seconds_open)
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._is_ended(), timeout)
            lines, self._buffer, self._buffer_bytes = self._buffer, [], 0
            self._changed.notify_all()
            return lines, self._is_ended()

    def _is_ended(self) -> bool:
        return self._drained.is_set() or self._abandoned.is_set()

    def _store(self, events: Sequence[LogEvent], cursor: LogCursor) -> bool:
        """Store until it works; False when the pump was abandoned meanwhile, or the log is no longer its own."""
        if cursor == self._stored_cursor:
            return True
        batch = OutputBatch(
            events=events,
            read_from=self._stored_cursor,
            read_to=cursor,
            ingested_at_ms=int(self._clock.now().timestamp() * 1000),
        )
        try:
            self._retry(lambda: self._logs.append_output(self._record.job_id, self._record.index, batch))
        except Detached:
            return False
        except JobNotFound:
            logger.info("log abandoned, its job was reset", extra=self._fields)
        except (StaleJob, InternalBug):
            logger.exception("log abandoned, it cannot be stored", extra=self._fields)
        else:
            self._stored_cursor = cursor
            return True
        self._failed = True
        self.abandon()
        return False

    @property
    def _fields(self) -> dict[str, object]:
        return {"job_id": self._record.job_id, "host": self._record.host}
