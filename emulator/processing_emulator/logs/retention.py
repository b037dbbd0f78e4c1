"""Deletes events that are older than the retention of their group: at start, then at an interval."""

import logging
import threading

from processing_emulator.errors import StoreFailure
from processing_emulator.ports import Clock, LogStore

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000


class LogRetention:
    """A service."""

    def __init__(self, logs: LogStore, clock: Clock, interval_seconds: float) -> None:
        self._logs = logs
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-retention", daemon=True)

    def start(self) -> None:
        """Begin, with a sweep."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def sweep(self) -> int:
        """Delete what has expired by now; how many bytes the events counted. Raises StoreFailure."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        total = 0
        for group, days in self._logs.retentions().items():
            if self._stopping.is_set():
                break
            deleted = self._logs.delete_events_before(group, now_ms - days * DAY_MS)
            if deleted:
                logger.info("log events expired", extra={"log_group": group.name, "deleted_bytes": deleted})
            total += deleted
        return total

    def _run(self) -> None:
        while True:
            try:
                self.sweep()
            except StoreFailure as error:
                logger.debug("log retention postponed", extra={"error": str(error)})
            except Exception:
                # Old events are no reason to end the emulator; the next sweep tries again.
                logger.exception("log retention failed")
            if self._stopping.wait(self._interval_seconds):
                return
