"""The engine, as the API sees it."""

from collections.abc import Sequence
from typing import Protocol

from processing_emulator.domain.job import JobId


class Wakeup(Protocol):
    """Notifies the engine of changes in the store. Never blocks, never fails."""

    def jobs_added(self, job_ids: Sequence[JobId]) -> None:
        """Jobs were stored and wait for admission, in this order."""
        ...

    def stop_requested(self, job_id: JobId) -> None:
        """A stop request was stored."""
        ...
