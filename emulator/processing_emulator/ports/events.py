"""The history of jobs, and the feed of all events that clients can follow."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from processing_emulator.domain.job import JobEvent, JobId, JobKey
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """An event in the feed: whose it is, and the job's phase and status when it was stored."""

    id: int
    job_id: JobId
    key: JobKey
    phase: JobPhase
    status: ProcessingJobStatus
    event: JobEvent


class JobHistory(Protocol):
    """The events of each job, in order; the first is `created`."""

    def add_event(self, job_id: JobId, event: JobEvent) -> None:
        """Append to the job's history. An event equal to one already stored is the same one, reported again: it is not
        stored twice. Raises JobNotFound."""
        ...

    def add_event_to_all(self, job_ids: Collection[JobId], event: JobEvent) -> None:
        """Append the same event to the history of each of these jobs that exists."""
        ...

    def list_events(self, job_id: JobId) -> Sequence[JobEvent]:
        """The job's history in order."""
        ...


class EventFeed(Protocol):
    """The events of all jobs in one order, to be followed by any number of readers.

    A reader remembers the id of the last event it has read and asks for those after it. Ids only grow, never repeat and
    may have gaps; an event becomes visible after all events with smaller ids, so a reader misses none. A reset removes
    events with their jobs; those to come have greater ids all the same.
    """

    def events_after(self, event_id: int, limit: int, actions: Collection[str] | None = None) -> Sequence[FeedEvent]:
        """At most `limit` events with greater ids, in order of their ids; 0 starts from the first event.

        `actions`: only events with one of these actions.
        """
        ...

    def last_event_id(self) -> int:
        """The id of the newest event, 0 when there is none: where a reader starts who wants later events only."""
        ...

    def on_new_events(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after each transaction of this process that stored events; the result ends that.

        `wake` is called in the thread that stored them, so it must only set a flag: it must not block, fail or use the
        store. Subscribe first and read then, and no event is missed.
        """
        ...
