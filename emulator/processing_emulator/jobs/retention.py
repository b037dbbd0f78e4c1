"""Removes jobs that ended longer ago than they are kept: at start, then at an interval."""

import logging
from datetime import timedelta

from processing_emulator.errors import StoreFailure
from processing_emulator.periodic_sweep import PeriodicSweep
from processing_emulator.ports import Clock, JobRemoval

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""Jobs in one transaction: others that write wait meanwhile."""


class JobRetention(PeriodicSweep):
    """A service. `kept_days`: None keeps jobs for good."""

    def __init__(self, removal: JobRemoval, clock: Clock, kept_days: float | None, interval_seconds: float) -> None:
        self._removal = removal
        self._clock = clock
        self._kept_days = kept_days
        super().__init__("job-retention", interval_seconds, postponing=(StoreFailure,))

    def sweep(self) -> int:
        """Remove what is too old by now, and give its space back; how many jobs. Raises StoreFailure."""
        removed = self._remove_jobs() if self._kept_days is not None else 0
        while not self.is_stopping and self._removal.give_space_back():
            pass
        return removed

    def _remove_jobs(self) -> int:
        before = self._clock.now() - timedelta(days=self._kept_days or 0)
        removed = 0
        while not self.is_stopping:
            count = self._removal.remove_jobs_ended_before(before, AT_ONCE)
            removed += count
            if count < AT_ONCE:
                break
        if removed:
            logger.info("old jobs removed", extra={"number": removed, "kept_days": self._kept_days})
        return removed
