"""The engine, as the API sees it."""

from collections.abc import Sequence
from typing import Protocol

from processing_emulator.domain.job import JobId


class Wakeup(Protocol):
    """The API's way to tell the engine that something has changed in the store; never blocks, never fails."""

    def jobs_added(self, job_ids: Sequence[JobId]) -> None:
        """Jobs wait for admission, first come first."""
        ...

    def stop_requested(self, job_id: JobId) -> None:
        """A stop request was stored."""
        ...
