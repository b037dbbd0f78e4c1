"""Removes containers and folders of jobs that are over: at start, then at an interval for what could not be removed.

Failed jobs that are kept are left alone until their time is over, or there are too many of them.
"""

import logging
import threading

from processing_emulator.domain.job import JobEvent, JobId
from processing_emulator.domain.kept_job import KeepPolicy
from processing_emulator.engine.backend import ExecutionBackend
from processing_emulator.errors import JobNotFound, JobNotKept, RuntimeUnavailable, StoreFailure
from processing_emulator.periodic_sweep import PeriodicSweep
from processing_emulator.ports import Clock, JobStore

logger = logging.getLogger(__name__)


class Reaper(PeriodicSweep):
    """A service. It only touches containers with this emulator's label and folders below its own data directory."""

    def __init__(
        self,
        store: JobStore,
        backend: ExecutionBackend,
        clock: Clock,
        interval_seconds: float,
        policy: KeepPolicy | None = None,
    ) -> None:
        self._store = store
        self._backend = backend
        self._clock = clock
        self._policy = policy or KeepPolicy()
        self._sweeping = threading.Lock()
        super().__init__("reaper", interval_seconds, postponing=(RuntimeUnavailable, StoreFailure))

    def sweep(self) -> int:
        """Remove leftovers once; how many."""
        with self._sweeping:
            self._end_surplus()
            removed = self._backend.sweep(self._is_wanted)
        if removed:
            logger.info("leftovers removed", extra={"count": removed})
        return removed

    def _end_surplus(self) -> None:
        """Of more kept jobs than there may be, those that have the least time left are kept no longer."""
        now = self._clock.now()
        kept = self._store.list_kept(now)
        for job in kept[: max(0, len(kept) - self._policy.most)]:
            detail = {"reason": f"{self._policy.most} jobs are kept at most"}
            try:
                self._store.change_kept(job.id, now, JobEvent(at=now, action="no_longer_kept", detail=detail))
            except (JobNotKept, JobNotFound):  # deleted in this moment
                continue

    def _is_wanted(self, job_id: JobId) -> bool:
        try:
            job = self._store.get(job_id)
        except JobNotFound:
            return False
        return not job.phase.is_terminal or job.is_kept(self._clock.now())
