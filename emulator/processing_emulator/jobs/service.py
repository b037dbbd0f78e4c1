"""What the API can ask about one job: create it, look it up, stop it, delete it. Knows no HTTP.

Never moves a job: Create stores it, Stop records a wish; the engine is woken and does the rest. Delete only takes
jobs that the engine is done with.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from processing_emulator.domain.job import JobId, JobKey, NewJob, ProcessingJob
from processing_emulator.errors import JobNameInUse, JobNotDeletable, JobNotFound, JobNotStoppable, RequestError
from processing_emulator.jobs.quotas import Quotas
from processing_emulator.jobs.rules import check_create
from processing_emulator.ports import Clock, JobStore, Wakeup

logger = logging.getLogger(__name__)

_NO_TAGS: Mapping[str, str] = MappingProxyType({})


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
        self.check(request)
        (verdict,) = self.store_all([(key, request)])
        if isinstance(verdict, RequestError):
            raise verdict
        return self._store.get(verdict)

    def check(self, request: Mapping[str, Any], *, is_covered: bool = False) -> None:
        """Whether a request can become a job, whatever is stored; see `check_create`.

        Raises ValidationFailed, Unsupported.
        """
        check_create(request, is_covered=is_covered)

    def store_all(self, wanted: Sequence[tuple[JobKey, Mapping[str, Any]]]) -> Sequence[JobId | RequestError]:
        """The rest of `create`, for checked requests that came at the same time: each has its own verdict."""
        if not self._quotas.enforced:
            return self._add_all(wanted)
        verdicts: list[JobId | RequestError] = []
        for key, request in wanted:
            with self._quota_turn:  # nobody else may use up what was just counted as free
                try:
                    self._quotas.check(key, request)
                except RequestError as error:
                    verdicts.append(error)
                else:
                    verdicts += self._add_all([(key, request)])
        return verdicts

    def _add_all(self, wanted: Sequence[tuple[JobKey, Mapping[str, Any]]]) -> Sequence[JobId | RequestError]:
        at = self._clock.now()
        ids = self._store.add_all([_new_job(key, request, at) for key, request in wanted])
        verdicts = [_name_in_use(key) if id_ is None else id_ for (key, _), id_ in zip(wanted, ids, strict=True)]
        self._wakeup.jobs_added([job_id for job_id in ids if job_id is not None])
        if logger.isEnabledFor(logging.INFO):
            _tell_created(wanted, ids)
        return verdicts

    def describe(self, key: JobKey) -> ProcessingJob:
        """The job of that name. Raises JobNotFound."""
        (found,) = self.describe_all([key])
        return _job_or_raise(found)

    def describe_all(self, keys: Sequence[JobKey]) -> Sequence[ProcessingJob | RequestError]:
        """`describe` for requests that came at the same time: each with its own answer in its place."""
        found = self._store.find_all(keys)
        return [found.get(key) or _not_found(key) for key in keys]

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
        except JobNotFound as error:  # a reset was faster
            raise _not_found(key) from error
        logger.info("stop_requested", extra={"job": key.name, "job_id": job.id})
        self._wakeup.stop_requested(job.id)

    def delete(self, key: JobKey) -> None:
        """Forget a job that has ended; its name is free again. Raises JobNotFound, JobNotDeletable."""
        job = self.describe(key)
        try:
            self._store.delete(job.id, self._clock.now())
        except JobNotDeletable as error:
            # As it was before: by now it may have ended, and the refusal would contradict itself.
            raise JobNotDeletable(
                f"The request was rejected because the processing job is in status {job.status}; "
                "only jobs that are Completed, Failed or Stopped can be deleted."
            ) from error
        except JobNotFound as error:  # somebody else was faster
            raise _not_found(key) from error
        logger.info("job_deleted", extra={"job": key.name, "job_id": job.id})


def _not_found(key: JobKey) -> JobNotFound:
    return JobNotFound(f"Could not find requested job with name: {key.name}")


def _name_in_use(key: JobKey) -> JobNameInUse:
    return JobNameInUse(
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({key.arn})"
    )


def _tell_created(wanted: Sequence[tuple[JobKey, Mapping[str, Any]]], ids: Sequence[JobId | None]) -> None:
    for (key, _), job_id in zip(wanted, ids, strict=True):
        if job_id is not None:
            logger.info("job_created", extra={"job": key.name, "job_id": job_id})


def _new_job(key: JobKey, request: Mapping[str, Any], at: datetime) -> NewJob:
    if "Tags" not in request:
        return NewJob(key, request, _NO_TAGS, at)
    return NewJob(
        key=key,
        request={name: value for name, value in request.items() if name != "Tags"},
        tags={tag["Key"]: tag["Value"] for tag in request["Tags"]},
        at=at,
    )


def _job_or_raise(verdict: ProcessingJob | RequestError) -> ProcessingJob:
    if isinstance(verdict, RequestError):
        raise verdict
    return verdict
