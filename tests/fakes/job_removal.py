"""A JobRemoval for the jobs of a MemoryJobStore and their log."""

from datetime import datetime

from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore


class MemoryJobRemoval:
    """Implements `ports.JobRemoval`. Memory has no space to give back."""

    def __init__(self, jobs: MemoryJobStore, logs: MemoryLogStore) -> None:
        self._jobs = jobs
        self._logs = logs

    def remove_jobs_ended_before(self, at: datetime, limit: int, now: datetime) -> int:
        """See the port."""
        with self._jobs.transaction():
            ended = self._jobs.ended_before(at, now)[:limit]
            for job_id in ended:
                self._logs.forget_outputs(job_id)
                self._jobs.forget(job_id)
            return len(ended)

    def first_end(self, now: datetime) -> datetime | None:
        """See the port."""
        with self._jobs.transaction():
            return self._jobs.first_end(now)

    def used_bytes(self) -> int | None:
        """See the port."""
        return None

    def give_space_back(self) -> bool:
        """See the port."""
        return False
