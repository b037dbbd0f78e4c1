"""What the API can ask about one job: create it, look it up, stop it, delete it. Knows no HTTP.

Never moves a job: Create stores it, Stop records a wish; the engine is woken and does the rest. Delete only takes
jobs that the engine is done with.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from emulator.domain.job import JobKey, ProcessingJob
from emulator.errors import JobNameInUse, JobNotDeletable, JobNotFound, JobNotStoppable
from emulator.jobs.quotas import Quotas
from emulator.jobs.rules import check_create
from emulator.ports import Clock, JobStore, Wakeup

logger = logging.getLogger(__name__)


class JobService:
    """The use cases of one job, in the service's words where it refuses."""

    def __init__(
        self, *, store: JobStore, clock: Clock, wakeup: Wakeup, quotas: Mapping[str, int] | None = None
    ) -> None:
        """`quotas`: values by name, see `quotas`; none are enforced by default."""
        self._store = store
        self._quotas = Quotas(quotas or {}, store)
        self._quota_turn = threading.Lock()
        self._clock = clock
        self._wakeup = wakeup

    def create(self, key: JobKey, request: Mapping[str, Any]) -> ProcessingJob:
        """Store a job that waits for admission. `request` has passed the model's constraints; it is stored as it
        came, its Tags apart.

        Raises ValidationFailed, Unsupported, QuotaExceeded, JobNameInUse.
        """
        check_create(request)
        if not self._quotas.enforced:
            return self._add(key, request)
        with self._quota_turn:  # nobody else may use up what was just counted as free
            self._quotas.check(key, request)
            return self._add(key, request)

    def _add(self, key: JobKey, request: Mapping[str, Any]) -> ProcessingJob:
        stored = {name: value for name, value in request.items() if name != "Tags"}
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
        try:
            job = self._store.add(key, stored, tags, self._clock.now())
        except JobNameInUse as error:
            raise JobNameInUse(
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({key.arn})"
            ) from error
        logger.info("job_created", extra={"job": key.name, "job_id": job.id})
        self._wakeup.job_added(job.id)
        return job

    def describe(self, key: JobKey) -> ProcessingJob:
        """The job of that name. Raises JobNotFound."""
        job = self._store.find(key)
        if job is None:
            raise _not_found(key)
        return job

    def stop(self, key: JobKey) -> None:
        """Ask for the end of a job; from now on it shows as Stopping. Raises JobNotFound, JobNotStoppable."""
        job = self.describe(key)
        try:
            self._store.request_stop(job.id, self._clock.now())
        except JobNotStoppable as error:
            status = self.describe(key).status
            raise JobNotStoppable(
                f"The request was rejected because the processing job is in status {status}."
            ) from error
        logger.info("stop_requested", extra={"job": key.name, "job_id": job.id})
        self._wakeup.stop_requested(job.id)

    def delete(self, key: JobKey) -> None:
        """Forget a job that has ended; its name is free again. Raises JobNotFound, JobNotDeletable."""
        job = self.describe(key)
        try:
            self._store.delete(job.id, self._clock.now())
        except JobNotDeletable as error:
            status = self.describe(key).status
            raise JobNotDeletable(
                f"The request was rejected because the processing job is in status {status}; "
                "only jobs that are Completed, Failed or Stopped can be deleted."
            ) from error
        except JobNotFound as error:  # somebody else was faster
            raise _not_found(key) from error
        logger.info("job_deleted", extra={"job": key.name, "job_id": job.id})


def _not_found(key: JobKey) -> JobNotFound:
    return JobNotFound(f"Could not find requested job with name: {key.name}")
