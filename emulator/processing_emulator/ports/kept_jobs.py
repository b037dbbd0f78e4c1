"""The store of kept jobs: failed ones whose containers and files stay for a while."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from processing_emulator.domain.job import JobEvent, JobId, ProcessingJob


class KeptJobStore(Protocol):
    """Until when each job is kept. What ends a job says so first, in the transaction that ends it."""

    def list_kept(self, at: datetime) -> Sequence[ProcessingJob]:
        """The jobs of all accounts that are kept at that time, those kept for the shortest time first."""
        ...

    def change_kept(self, job_id: JobId, until: datetime, event: JobEvent) -> ProcessingJob:
        """Keep a job until another time, with an event in the same transaction.

        Raises JobNotFound, and JobNotKept when its time was over before the event, or it was never kept.
        """
        ...
