"""The engine, as the API sees it."""

from typing import Protocol

from emulator.domain.job import (
    JobId,
)


class Wakeup(Protocol):
    """The API's way to tell the engine that something has changed in the store; never blocks, never fails."""

    def job_added(self, job_id: JobId) -> None:
        """A job waits for admission."""
        ...

    def stop_requested(self, job_id: JobId) -> None:
        """A wish to stop was recorded."""
        ...
