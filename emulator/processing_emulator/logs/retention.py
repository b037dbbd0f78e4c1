"""Deletes events that are older than the retention of their group: at start, then at an interval."""

import logging

from processing_emulator.errors import StoreFailure
from processing_emulator.periodic_sweep import PeriodicSweep
from processing_emulator.ports import Clock, LogStore

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000


class LogRetention(PeriodicSweep):
    """A service."""

    def __init__(self, logs: LogStore, clock: Clock, interval_seconds: float) -> None:
        self._logs = logs
        self._clock = clock
        super().__init__("log-retention", interval_seconds, postponing=(StoreFailure,))

    def sweep(self) -> int:
        """Delete what has expired by now; how many bytes the events counted. Raises StoreFailure."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        total = 0
        for group, days in self._logs.retentions().items():
            if self.is_stopping:
                break
            deleted = self._logs.delete_events_before(group, now_ms - days * DAY_MS)
            if deleted:
                logger.info("log events expired", extra={"log_group": group.name, "deleted_bytes": deleted})
            total += deleted
        return total
