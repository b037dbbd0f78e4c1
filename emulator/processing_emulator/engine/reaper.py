"""Removes containers and folders of jobs that are over: at start, then at an interval for what could not be removed."""

import logging

from processing_emulator.domain.job import JobId
from processing_emulator.engine.backend import ExecutionBackend
from processing_emulator.errors import JobNotFound, RuntimeUnavailable, StoreFailure
from processing_emulator.periodic_sweep import PeriodicSweep
from processing_emulator.ports import JobStore

logger = logging.getLogger(__name__)


class Reaper(PeriodicSweep):
    """A service. It only touches containers with this emulator's label and folders below its own data directory."""

    def __init__(self, store: JobStore, backend: ExecutionBackend, interval_seconds: float) -> None:
        self._store = store
        self._backend = backend
        super().__init__("reaper", interval_seconds, postponing=(RuntimeUnavailable, StoreFailure))

    def sweep(self) -> int:
        """Remove leftovers once; how many."""
        removed = self._backend.sweep(self._is_wanted)
        if removed:
            logger.info("leftovers removed", extra={"count": removed})
        return removed

    def _is_wanted(self, job_id: JobId) -> bool:
        try:
            return not self._store.get(job_id).phase.is_terminal
        except JobNotFound:
            return False
