"""The use cases of one job: create, describe, stop, delete. Knows no HTTP.

It never moves a job through its phases: Create stores the job and Stop records the request to stop; the engine is woken
and does the work. Only jobs that have ended can be deleted.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from processing_emulator.domain.datasets import Catalogue
from processing_emulator.domain.image_map import substitute_for
from processing_emulator.domain.job import JobKey, ProcessingJob
from processing_emulator.errors import JobNotDeletable, JobNotFound, JobNotStoppable
from processing_emulator.jobs.dataset_rules import check_queries
from processing_emulator.jobs.quotas import Quotas
from processing_emulator.jobs.rules import check_create
from processing_emulator.ports import Clock, JobStore, Wakeup

logger = logging.getLogger(__name__)


class JobService:
    """The use cases of one job, in the service's words where it refuses."""

    def __init__(
        self,
        *,
        store: JobStore,
        clock: Clock,
        wakeup: Wakeup,
        quotas: Mapping[str, int] | None = None,
        image_map: Mapping[str, str] | None = None,
        check_image_region: bool = True,
        catalogue: Callable[[], Catalogue | None] = Catalogue,
        on_kept_job_deleted: Callable[[], None] = lambda: None,
    ) -> None:
        """`quotas`: values by name, see `quotas`; none are enforced by default.

        `check_image_region`: whether an image in ECR must be in the region of the request. Images that `image_map`
        replaces are not pulled from there, so they may be in any. `catalogue`: the tables of DatasetDefinition inputs;
        None when queries cannot run. `on_kept_job_deleted` is called when the containers and files of a failed job that
        was kept are to be removed; it must return at once.
        """
        self._on_kept_job_deleted = on_kept_job_deleted
        self._catalogue = catalogue
        self._store = store
        self._quotas = Quotas(quotas or {}, store)
        self._quota_lock = threading.Lock()
        self._clock = clock
        self._image_map = image_map or {}
        self._check_image_region = check_image_region
        self._wakeup = wakeup

    def create(self, key: JobKey, request: Mapping[str, Any]) -> ProcessingJob:
        """Store a job that waits for admission. `request` has passed the model's constraints; it is stored
        unchanged, but for its Tags, which are stored separately.

        Raises ValidationFailed, Unsupported, QuotaExceeded, JobNameInUse.
        """
        check_create(request, image_region=self._image_region(key, request))
        check_queries(request, self._catalogue())
        stored = {name: value for name, value in request.items() if name != "Tags"}
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
        with self._quota_lock if self._quotas.enforced else nullcontext():
            self._quotas.check(key, request)  # no other Create may use up what was just counted as free
            job = self._store.add(key, stored, tags, self._clock.now())
        logger.info("job created", extra={"job": key.name, "job_id": job.id})
        self._wakeup.jobs_added([job.id])
        return job

    def _image_region(self, key: JobKey, request: Mapping[str, Any]) -> str | None:
        """The region that the image must be in; None where it may be in any."""
        is_replaced = substitute_for(request["AppSpecification"]["ImageUri"], self._image_map) is not None
        return key.region if self._check_image_region and not is_replaced else None

    def describe(self, key: JobKey) -> ProcessingJob:
        """The job of that name, whatever its case: the name at the end of an ARN is lower-case. Raises JobNotFound."""
        job = self._store.find(key)
        if job is None:
            raise _not_found(key)
        return job

    def stop(self, key: JobKey) -> None:
        """Ask for the end of a job; from now on it shows as Stopping. Raises JobNotFound, JobNotStoppable."""
        job = self.describe(key)
        try:
            self._store.request_stop(job.id, job.not_before(self._clock.now()))
        except JobNotStoppable as error:
            status = self.describe(key).status
            raise JobNotStoppable(
                f"The request was rejected because the processing job is in status {status}."
            ) from error
        except JobNotFound as error:  # a reset was faster
            raise _not_found(key) from error
        logger.info("stop requested", extra={"job": key.name, "job_id": job.id})
        self._wakeup.stop_requested(job.id)

    def delete(self, key: JobKey) -> None:
        """Delete a job that has ended; its name is free again. Raises JobNotFound, JobNotDeletable."""
        job = self.describe(key)
        try:
            self._store.delete(job.id, self._clock.now())
        except JobNotDeletable as error:
            # The status read before: the job may have ended since, and the refusal would contradict itself.
            raise JobNotDeletable(
                f"The request was rejected because the processing job is in status {job.status}; "
                "only jobs that are Completed, Failed or Stopped can be deleted."
            ) from error
        except JobNotFound as error:  # another Delete was faster
            raise _not_found(key) from error
        logger.info("job deleted", extra={"job": key.name, "job_id": job.id})
        if job.kept_until is not None:
            self._on_kept_job_deleted()


def _not_found(key: JobKey) -> JobNotFound:
    return JobNotFound(f"Could not find requested job with name: {key.name}")
