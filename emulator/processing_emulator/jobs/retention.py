"""Removes jobs that ended longer ago than they are kept: at start, then at an interval."""

import logging
import threading
from datetime import timedelta

from processing_emulator.errors import StoreFailure
from processing_emulator.ports import Clock, JobRemoval

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""Jobs in one transaction: others that write wait meanwhile."""


class JobRetention:
    """A service. `kept_days`: None keeps jobs for good."""

    def __init__(self, removal: JobRemoval, clock: Clock, kept_days: float | None, interval_seconds: float) -> None:
        self._removal = removal
        self._clock = clock
        self._kept_days = kept_days
        self._interval_seconds = interval_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-retention", daemon=True)

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
        """Remove what is too old by now, and give its space back; how many jobs. Raises StoreFailure."""
        removed = self._remove_jobs() if self._kept_days is not None else 0
        while not self._stopping.is_set() and self._removal.give_space_back():
            pass
        return removed

    def _remove_jobs(self) -> int:
        before = self._clock.now() - timedelta(days=self._kept_days or 0)
        removed = 0
        while not self._stopping.is_set():
            count = self._removal.remove_jobs_ended_before(before, AT_ONCE)
            removed += count
            if count < AT_ONCE:
                break
        if removed:
            logger.info("old jobs removed", extra={"number": removed, "kept_days": self._kept_days})
        return removed

    def _run(self) -> None:
        while True:
            try:
                self.sweep()
            except StoreFailure as error:
                logger.debug("job retention postponed", extra={"error": str(error)})
            except Exception:
                # Old jobs are no reason to end the emulator; the next sweep tries again.
                logger.exception("job retention failed")
            if self._stopping.wait(self._interval_seconds):
                return
