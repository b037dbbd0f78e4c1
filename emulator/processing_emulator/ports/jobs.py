"""The store of jobs: their phases, history, tags and instances."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from processing_emulator.domain.job import (
    InstanceRecord,
    JobEvent,
    JobFacts,
    JobId,
    JobKey,
    Limits,
    NewJob,
    ProcessingJob,
)
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.domain.spec import InstanceChoice


class SortBy(StrEnum):
    """Sort keys of ListProcessingJobs."""

    NAME = "Name"
    CREATION_TIME = "CreationTime"
    STATUS = "Status"


JobPosition: TypeAlias = tuple[str | int, ...]
"""Where a job stands in an order: (name, id), (creation in ms, id), or (status, creation in ms, id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs of one account and region to list. Time bounds are exclusive (spec 1.5).

    Jobs of one status are in the order of their creation, those of one moment in the order of their arrival. `after`
    continues behind the last job of the page before, as given by `JobPage.last`.
    """

    account: str
    region: str
    limit: int
    sort_by: SortBy = SortBy.CREATION_TIME
    descending: bool = False
    name_contains: str | None = None
    status: ProcessingJobStatus | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    modified_after: datetime | None = None
    modified_before: datetime | None = None
    after: JobPosition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """Full pages: filters are applied before paging. `last` is None when nothing follows."""

    jobs: tuple[ProcessingJob, ...]
    last: JobPosition | None


class JobStore(Protocol):
    """Jobs, their history and their instances. Changes of phase are compare-and-set."""

    def add(self, key: JobKey, request: Mapping[str, Any], tags: Mapping[str, str], at: datetime) -> ProcessingJob:
        """Store a new job in PENDING with its first event. Raises JobNameInUse (names compare without case)."""
        ...

    def add_all(self, new: Sequence[NewJob]) -> Sequence[JobId | None]:
        """Store new jobs together, as `add` does each; their ids in their order, None for a name that is in use."""
        ...

    def find(self, key: JobKey) -> ProcessingJob | None:
        """The job of exactly that name, case included; not a deleted one."""
        ...

    def find_all(self, keys: Sequence[JobKey]) -> Mapping[JobKey, ProcessingJob]:
        """`find` for many keys at once: the jobs that there are."""
        ...

    def find_any_case(self, key: JobKey) -> ProcessingJob | None:
        """The job of that name in any case, as an ARN names it (spec 1.6); not a deleted one."""
        ...

    def get(self, job_id: JobId) -> ProcessingJob:
        """The job of that id, deleted or not. Raises JobNotFound."""
        ...

    def list_page(self, query: JobQuery) -> JobPage:
        """One page of jobs."""
        ...

    def list_unfinished(self) -> Sequence[ProcessingJob]:
        """All jobs not in a terminal phase, first come first."""
        ...

    def advance(
        self, job_id: JobId, expected: JobPhase, to: JobPhase, at: datetime, facts: JobFacts | None = None
    ) -> ProcessingJob:
        """Move a job, with an event in the same transaction. Raises StaleJob when it is not in `expected`,
        InternalBug when the table of transitions forbids the move."""
        ...

    def request_stop(self, job_id: JobId, at: datetime) -> ProcessingJob:
        """Record the wish to stop. Raises JobNotStoppable when the job is terminal or the wish was recorded before."""
        ...

    def select(self, job_id: JobId, choice: InstanceChoice) -> ProcessingJob:
        """Record what a job with InstancePreferences will run on. Raises JobNotFound."""
        ...

    def delete(self, job_id: JobId, at: datetime) -> None:
        """Take a job out of every look-up but the one by id, tags too; its name is free again, its log stays.

        Raises JobNotDeletable when it is not terminal, JobNotFound when it was deleted before.
        """
        ...

    def clear(self) -> int:
        """Forget everything of all accounts, logs and samples too, in one transaction; how many jobs that were.

        An id that was given is never given again.
        """
        ...

    def add_event(self, job_id: JobId, event: JobEvent) -> None:
        """Append to the job's history."""
        ...

    def add_event_to_all(self, job_ids: Collection[JobId], event: JobEvent) -> None:
        """Append the same event to the history of each of these jobs, as far as they exist."""
        ...

    def list_events(self, job_id: JobId) -> Sequence[JobEvent]:
        """The job's history in order."""
        ...

    def list_tags(self, job_id: JobId) -> Mapping[str, str]:
        """The job's tags."""
        ...

    def put_tags(self, job_id: JobId, tags: Mapping[str, str], limit: int) -> Mapping[str, str]:
        """Add tags, or overwrite those of the same key; all tags of the job afterwards.

        Raises ValidationFailed, and changes nothing, when there would be more than `limit`; JobNotFound, for a deleted
        job too.
        """
        ...

    def remove_tags(self, job_id: JobId, keys: Collection[str]) -> None:
        """Remove the tags of these keys, as far as there are any."""
        ...

    def ensure_instance(self, job_id: JobId, index: int, limits: Limits) -> InstanceRecord:
        """The record of one host; made on the first call, with the limits given; left as it is on later ones."""
        ...

    def list_instances(self, job_id: JobId) -> Sequence[InstanceRecord]:
        """All hosts of a job, in order."""
        ...

    def list_unfinished_instances(self) -> Sequence[InstanceRecord]:
        """All hosts of all jobs not in a terminal phase, in the order of jobs and hosts."""
        ...

    def save_instance(self, record: InstanceRecord) -> None:
        """Store all facts of an instance but its cursor, which belongs to the log."""
        ...
