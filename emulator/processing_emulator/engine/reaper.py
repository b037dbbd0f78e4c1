"""Removes containers and folders of jobs that are over: at start, then at an interval for what could not be removed."""

import logging
import threading

from processing_emulator.domain.job import JobId
from processing_emulator.engine.backend import ExecutionBackend
from processing_emulator.errors import JobNotFound, RuntimeUnavailable, StoreFailure
from processing_emulator.ports import JobStore

logger = logging.getLogger(__name__)


class Reaper:
    """A service. It only touches containers with this emulator's label and folders below its own data directory."""

    def __init__(self, store: JobStore, backend: ExecutionBackend, interval_seconds: float) -> None:
        self._store = store
        self._backend = backend
        self._interval_seconds = interval_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

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

    def _run(self) -> None:
        while True:
            try:
                self.sweep()
            except (RuntimeUnavailable, StoreFailure) as error:
                logger.debug("sweep postponed", extra={"error": str(error)})
            except Exception:
                # Leftovers are no reason to end the emulator; the next sweep tries again.
                logger.exception("sweep failed")
            if self._stopping.wait(self._interval_seconds):
                return
