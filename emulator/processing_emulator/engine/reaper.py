"""Removes containers and folders of jobs that are over: at start, then at an interval for what could not be removed.

Failed jobs that are kept are left alone until their time is over, or there are too many of them. Neither happens while
a session looks into one, for some hours.
"""

import logging
import threading
from contextlib import suppress

from processing_emulator.domain.job import JobEvent, JobId, ProcessingJob
from processing_emulator.domain.kept_job import KeepPolicy, kept_event
from processing_emulator.engine.backend import ExecutionBackend
from processing_emulator.errors import JobNotFound, JobNotKept, RuntimeFailure, RuntimeUnavailable, StoreFailure
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
            self._review_kept()
            removed = self._backend.sweep(self._is_wanted)
        if removed:
            logger.info("leftovers removed", extra={"count": removed})
        return removed

    def _review_kept(self) -> None:
        """Jobs that somebody looks into get more time. Of more than there may be, the others with the least go."""
        kept = self._store.list_kept(self._clock.now())
        try:
            looked_into = self._backend.looked_into() if kept else ()
        except RuntimeFailure:  # what is swept next fails, too, and says it; half of their time is left at least
            return
        surplus = len(kept) - self._policy.most
        for job in kept:
            with suppress(JobNotKept, JobNotFound):  # released or deleted in this moment
                if job.id in looked_into:
                    self._prolong(job)
                elif surplus > 0:
                    surplus -= 1
                    self._end(job)

    def _prolong(self, job: ProcessingJob) -> None:
        now, more = self._clock.now(), self._policy.kept_for_a_look
        if not job.is_kept(now + more / 2):
            until = (now + more).replace(microsecond=0)
            self._store.change_kept(job.id, until, kept_event(job.key, now, until))

    def _end(self, job: ProcessingJob) -> None:
        now, detail = self._clock.now(), {"reason": f"{self._policy.most} jobs are kept at most"}
        self._store.change_kept(job.id, now, JobEvent(at=now, action="no_longer_kept", detail=detail))

    def _is_wanted(self, job_id: JobId) -> bool:
        try:
            job = self._store.get(job_id)
        except JobNotFound:
            return False
        return not job.phase.is_terminal or job.is_kept(self._clock.now())
