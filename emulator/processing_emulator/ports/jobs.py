"""The store of jobs: their requests and phases, and what belongs to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from processing_emulator.domain.job import JobFacts, JobId, JobKey, ProcessingJob
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.domain.spec import InstanceChoice
from processing_emulator.ports.events import EventFeed, JobHistory
from processing_emulator.ports.instances import InstanceStore
from processing_emulator.ports.kept_jobs import KeptJobStore
from processing_emulator.ports.tags import TagStore


class SortBy(StrEnum):
    """Sort keys of ListProcessingJobs, and the order in which jobs were stored."""

    NAME = "Name"
    CREATION_TIME = "CreationTime"
    STATUS = "Status"
    ID = "Id"


JobPosition: TypeAlias = tuple[str | int, ...]
"""Where a job stands in an order: (name, id), (creation in ms, id), (status, creation in ms, id) or (id,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs to list. Time bounds are exclusive (spec 1.5). No account or region: those of all.

    Jobs with the same status are in the order of their creation, those created in the same millisecond in the order in
    which they were stored. `after` is the last job of the page before, as given by `JobPage.last`.
    """

    account: str | None
    region: str | None
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


class JobReader(Protocol):
    """Looks jobs up and counts them."""

    def find(self, key: JobKey) -> ProcessingJob | None:
        """The job of that name, whatever the case of its letters (spec 1.6); not a deleted one."""
        ...

    def get(self, job_id: JobId) -> ProcessingJob:
        """The job of that id, deleted or not. Raises JobNotFound."""
        ...

    def list_page(self, query: JobQuery) -> JobPage:
        """One page of jobs."""
        ...

    def list_unfinished(self) -> Sequence[ProcessingJob]:
        """All jobs not in a terminal phase, oldest first."""
        ...

    def count_waiting_before(self, job_id: JobId) -> int:
        """How many jobs wait in PENDING that were stored before this one."""
        ...

    def count_instances_in_use(self, account: str, region: str) -> Mapping[str, int]:
        """The instances of unfinished jobs by type: what was selected for a job, else what it asks for first."""
        ...


class JobStore(JobReader, TagStore, JobHistory, EventFeed, InstanceStore, KeptJobStore, Protocol):
    """Jobs and all that belongs to them. Changes of phase are compare-and-set.

    One class implements all of it, because a change and its event are one transaction; callers that only read can ask
    for one of the protocols it consists of.
    """

    def add(self, key: JobKey, request: Mapping[str, Any], tags: Mapping[str, str], at: datetime) -> ProcessingJob:
        """Store a new job in PENDING with its first event, `created`.

        Raises JobNameInUse (names compare without case).
        """
        ...

    def advance(
        self, job_id: JobId, expected: JobPhase, to: JobPhase, at: datetime, facts: JobFacts | None = None
    ) -> ProcessingJob:
        """Move a job, with an event `phase_changed` in the same transaction. A terminal phase removes the job's
        events with the action `progress`, which nobody needs any more; `kept_until` adds an event `kept`. Raises
        StaleJob when it is not in `expected`, InternalBug when the table of transitions forbids the move.
        """
        ...

    def request_stop(self, job_id: JobId, at: datetime) -> ProcessingJob:
        """Record the request to stop, with an event `stop_requested`.

        Raises JobNotStoppable when the job is terminal or the request was recorded before.
        """
        ...

    def select(self, job_id: JobId, choice: InstanceChoice) -> ProcessingJob:
        """Record what a job with InstancePreferences will run on. Raises JobNotFound."""
        ...

    def delete(self, job_id: JobId, at: datetime) -> None:
        """Remove a job from every look-up but the one by id, with its tags; its name is free again, its log stays.

        Raises JobNotDeletable when it is not terminal, JobNotFound when it was deleted before.
        """
        ...

    def clear(self) -> int:
        """Remove everything of all accounts, logs and samples too, in one transaction; how many jobs there were.

        An id is never given again, neither of a job nor of an event.
        """
        ...
