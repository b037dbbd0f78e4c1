"""A working JobStore in memory: it keeps every rule of the port, and nothing else."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any

from processing_emulator.domain.job import (
    PROGRESS,
    InstanceRecord,
    JobEvent,
    JobFacts,
    JobId,
    JobKey,
    Limits,
    LogCursor,
    ProcessingJob,
)
from processing_emulator.domain.kept_job import kept_event
from processing_emulator.domain.phase import TRANSITIONS, JobPhase
from processing_emulator.domain.spec import InstanceChoice, choices_of
from processing_emulator.errors import (
    InternalBug,
    JobNameInUse,
    JobNotDeletable,
    JobNotFound,
    JobNotKept,
    JobNotStoppable,
    StaleJob,
    StoreFailure,
    ValidationFailed,
)
from processing_emulator.ports import FeedEvent, JobPage, JobPosition, JobQuery, SortBy
from tests.fakes.stored import stored_json, stored_moment, stored_text


class MemoryJobStore:
    """Implements `ports.JobStore`. `go_down` makes every call of it and its log and samples raise StoreFailure."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_down = False
        self._ids = count(1)
        self._jobs: dict[JobId, ProcessingJob] = {}
        self._by_name: dict[JobKey, JobId] = {}
        self._tags: dict[JobId, Mapping[str, str]] = {}
        self._events: dict[JobId, list[JobEvent]] = {}
        self._event_ids = count(1)
        self._feed: dict[int, FeedEvent] = {}
        self._wakers: list[Callable[[], None]] = []
        self._instances: dict[JobId, dict[int, InstanceRecord]] = {}
        self._belongings: list[MutableMapping[Any, Any]] = [
            self._jobs,
            self._by_name,
            self._tags,
            self._events,
            self._feed,
            self._instances,
        ]

    def go_down(self) -> None:
        """From now on nothing works."""
        self._is_down = True

    def come_back(self) -> None:
        """From now on everything works again; what was stored is there."""
        self._is_down = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One caller at a time; raises StoreFailure while the store is down."""
        with self._lock:
            if self._is_down:
                raise StoreFailure("The store is down.")
            yield

    def add(self, key: JobKey, request: Mapping[str, Any], tags: Mapping[str, str], at: datetime) -> ProcessingJob:
        """See the port. The first event is `created`."""
        folded = key._replace(name=key.name.lower())
        with self.transaction():
            if folded in self._by_name:
                holder = self._jobs[self._by_name[folded]].key
                raise JobNameInUse(
                    "Job name must be unique within an AWS account and region,"
                    f" and a job with this name already exists ({holder.arn})"
                )
            moment = stored_moment(at)
            job = ProcessingJob(
                id=JobId(next(self._ids)),
                key=key,
                phase=JobPhase.PENDING,
                request=stored_json(request),
                created_at=moment,
                modified_at=moment,
            )
            self._jobs[job.id] = job
            self._by_name[folded] = job.id
            self._tags[job.id] = dict(tags)
            self._events[job.id] = []
            self._instances[job.id] = {}
            self._store_event(job.id, JobEvent(at=at, action="created"))
            return job

    def find(self, key: JobKey) -> ProcessingJob | None:
        """See the port."""
        with self.transaction():
            job_id = self._by_name.get(key._replace(name=key.name.lower()))
            return None if job_id is None else self._jobs[job_id]

    def get(self, job_id: JobId) -> ProcessingJob:
        """See the port."""
        with self.transaction():
            if job_id not in self._jobs:
                raise JobNotFound(f"There is no job with the id {job_id}.")
            return self._jobs[job_id]

    def list_page(self, query: JobQuery) -> JobPage:
        """See the port."""
        with self.transaction():
            found = [job for job in map(self._jobs.__getitem__, self._by_name.values()) if _matches(job, query)]
        found.sort(key=lambda job: _position(job, query.sort_by), reverse=query.descending)
        page = found[: max(0, query.limit)]
        more = bool(page) and len(found) > len(page)
        return JobPage(jobs=tuple(page), last=_position(page[-1], query.sort_by) if more else None)

    def list_unfinished(self) -> Sequence[ProcessingJob]:
        """See the port."""
        with self.transaction():
            return [job for job in self._jobs.values() if not job.phase.is_terminal]

    def count_waiting_before(self, job_id: JobId) -> int:
        """See the port."""
        return sum(job.phase is JobPhase.PENDING and job.id < job_id for job in self.list_unfinished())

    def count_instances_in_use(self, account: str, region: str) -> Mapping[str, int]:
        """See the port."""
        in_use: Counter[str] = Counter()
        for job in self.list_unfinished():
            if (job.key.account, job.key.region) == (account, region):
                choice = job.selected or choices_of(job.request["ProcessingResources"]["ClusterConfig"])[0]
                in_use[choice.instance_type] += choice.count
        return in_use

    def advance(
        self, job_id: JobId, expected: JobPhase, to: JobPhase, at: datetime, facts: JobFacts | None = None
    ) -> ProcessingJob:
        """See the port. The event is `phase_changed`, with `from` and `to`."""
        if to not in TRANSITIONS[expected]:
            raise InternalBug(f"Job {job_id} cannot move from {expected} to {to}.")
        with self.transaction():
            job = self.get(job_id)
            if job.phase is not expected:
                raise StaleJob(f"Job {job_id} is in {job.phase}, not in {expected}; it does not move to {to}.")
            moved = replace(_with_facts(job, facts or JobFacts()), phase=to, modified_at=stored_moment(at))
            if to.is_terminal and moved.ended_at is None:
                raise InternalBug(f"Job {job_id} ends without a time.")
            self._jobs[job_id] = moved
            self._store_event(job_id, JobEvent(at=at, action="phase_changed", detail={"from": expected, "to": to}))
            if facts is not None and facts.kept_until is not None:
                self._store_event(job_id, kept_event(job.key, at, facts.kept_until))
            if to.is_terminal:
                self._remove_events(job_id, PROGRESS)
            return moved

    def request_stop(self, job_id: JobId, at: datetime) -> ProcessingJob:
        """See the port. The event is `stop_requested`."""
        with self.transaction():
            job = self.get(job_id)
            if job.phase.is_terminal or job.stop_requested_at is not None:
                raise JobNotStoppable(f"The request was rejected because the processing job is in status {job.status}.")
            moment = stored_moment(at)
            self._jobs[job_id] = replace(job, stop_requested_at=moment, modified_at=moment)
            self._store_event(job_id, JobEvent(at=at, action="stop_requested"))
            return self._jobs[job_id]

    def select(self, job_id: JobId, choice: InstanceChoice) -> ProcessingJob:
        """See the port."""
        with self.transaction():
            self._jobs[job_id] = replace(self.get(job_id), selected=choice)
            return self._jobs[job_id]

    def delete(self, job_id: JobId, at: datetime) -> None:
        """See the port. The event is `deleted`."""
        with self.transaction():
            job = self.get(job_id)
            folded = job.key._replace(name=job.key.name.lower())
            if not job.phase.is_terminal:
                raise JobNotDeletable(f"Job {job_id} is in {job.phase}; it has not ended.")
            if self._by_name.get(folded) != job_id:
                raise JobNotFound(f"Job {job_id} was deleted before.")
            del self._by_name[folded]
            self._jobs[job_id] = replace(job, kept_until=None)
            self._tags[job_id] = {}
            self._store_event(job_id, JobEvent(at=at, action="deleted"))

    def list_kept(self, at: datetime) -> Sequence[ProcessingJob]:
        """See the port."""
        with self.transaction():
            kept = [job for job in self._jobs.values() if job.is_kept(at)]
            return sorted(kept, key=lambda job: (job.kept_until or at, job.id))

    def change_kept(self, job_id: JobId, until: datetime, event: JobEvent) -> ProcessingJob:
        """See the port."""
        with self.transaction():
            job = self.get(job_id)
            if not job.is_kept(event.at):
                raise JobNotKept(f"Nothing of the job {job.key.name} is kept any more.")
            self._jobs[job_id] = replace(job, kept_until=stored_moment(until))
            self._store_event(job_id, event)
            return self._jobs[job_id]

    def clear(self) -> int:
        """See the port. Deleted jobs go, but do not count."""
        with self.transaction():
            count = len(self._by_name)
            for kept in self._belongings:
                kept.clear()
            return count

    def ended_before(self, at: datetime, now: datetime) -> Sequence[JobId]:
        """The jobs that ended before and are not kept, deleted ones too, in the order of their ends."""
        return [job_id for end, job_id in self._ends(now) if end < at]

    def first_end(self, now: datetime) -> datetime | None:
        """The end of the job that ended first of those that are not kept."""
        return next((end for end, _ in self._ends(now)), None)

    def _ends(self, now: datetime) -> Sequence[tuple[datetime, JobId]]:
        over = (job for job in self._jobs.values() if job.phase.is_terminal and not job.is_kept(now))
        return sorted((job.ended_at, job.id) for job in over if job.ended_at)

    def forget(self, job_id: JobId) -> None:
        """Remove a job with its events, tags and instances."""
        self._remove_events(job_id)
        self._by_name = {key: each for key, each in self._by_name.items() if each != job_id}
        for belongings in (self._jobs, self._tags, self._events, self._instances):
            belongings.pop(job_id, None)

    def _remove_events(self, job_id: JobId, action: str | None = None) -> None:
        self._events[job_id] = [each for each in self._events[job_id] if action not in (None, each.action)]
        for place, each in list(self._feed.items()):
            if each.job_id == job_id and action in (None, each.event.action):
                del self._feed[place]

    def own(self, belongings: MutableMapping[Any, Any]) -> None:
        """For the log and the samples: what is to be forgotten with the jobs."""
        self._belongings.append(belongings)

    def add_event(self, job_id: JobId, event: JobEvent) -> None:
        """See the port."""
        with self.transaction():
            self.get(job_id)
            stored = _stored_event(event)
            if stored not in self._events[job_id]:
                self._store_event(job_id, stored)

    def add_event_to_all(self, job_ids: Collection[JobId], event: JobEvent) -> None:
        """See the port."""
        with self.transaction():
            for job_id in sorted(set(job_ids) & set(self._jobs)):
                self._store_event(job_id, event)

    def list_events(self, job_id: JobId) -> Sequence[JobEvent]:
        """See the port."""
        with self.transaction():
            return list(self._events.get(job_id, ()))

    def events_after(self, event_id: int, limit: int, actions: Collection[str] | None = None) -> Sequence[FeedEvent]:
        """See the port."""
        with self.transaction():
            found = [each for each in self._feed.values() if each.id > event_id]
        return [each for each in found if actions is None or each.event.action in actions][: max(0, limit)]

    def last_event_id(self) -> int:
        """See the port."""
        with self.transaction():
            return max(self._feed, default=0)

    def on_new_events(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See the port."""
        with self._lock:
            self._wakers.append(wake)
        return lambda: self._wakers.remove(wake) if wake in self._wakers else None

    def _store_event(self, job_id: JobId, event: JobEvent) -> None:
        """Inside a transaction; readers of the feed that look at once wait for its end."""
        job = self._jobs[job_id]
        stored = _stored_event(event)
        self._events[job_id].append(stored)
        event_id = next(self._event_ids)
        self._feed[event_id] = FeedEvent(
            id=event_id,
            job_id=job_id,
            key=job.key,
            phase=job.phase,
            status=job.status,
            event=stored,
        )
        for wake in list(self._wakers):
            wake()

    def list_tags(self, job_id: JobId) -> Mapping[str, str]:
        """See the port."""
        with self.transaction():
            return dict(sorted(self._tags.get(job_id, {}).items()))

    def put_tags(self, job_id: JobId, tags: Mapping[str, str], limit: int) -> Mapping[str, str]:
        """See the port."""
        with self.transaction():
            if job_id not in self._by_name.values():
                raise JobNotFound(f"There is no job with the id {job_id}, or it was deleted.")
            merged = {**self._tags[job_id], **tags}
            if len(merged) > limit:
                raise ValidationFailed(f"A resource cannot have more than {limit} tags; it would have {len(merged)}.")
            self._tags[job_id] = merged
            return dict(merged)

    def remove_tags(self, job_id: JobId, keys: Collection[str]) -> None:
        """See the port."""
        with self.transaction():
            kept = {key: value for key, value in self._tags.get(job_id, {}).items() if key not in keys}
            self._tags[job_id] = kept

    def ensure_instances(self, job_id: JobId, limits: Sequence[Limits]) -> Sequence[InstanceRecord]:
        """See the port. Raises JobNotFound."""
        with self.transaction():
            self.get(job_id)
            for index, one in enumerate(limits):
                self._instances[job_id].setdefault(index, InstanceRecord(job_id=job_id, index=index, limits=one))
            return self.list_instances(job_id)

    def list_instances(self, job_id: JobId) -> Sequence[InstanceRecord]:
        """See the port."""
        with self.transaction():
            return [record for _, record in sorted(self._instances.get(job_id, {}).items())]

    def list_unfinished_instances(self) -> Sequence[InstanceRecord]:
        """See the port."""
        with self.transaction():
            return [record for job in self.list_unfinished() for record in self.list_instances(job.id)]

    def save_instance(self, record: InstanceRecord) -> None:
        """See the port. Raises JobNotFound when the record was never made."""
        started = record.container_started_at
        with self.transaction():
            self._instances[record.job_id][record.index] = replace(
                record,
                cursor=self.get_instance(record.job_id, record.index).cursor,
                container_started_at=None if started is None else stored_moment(started),
                exit_message=stored_text(record.exit_message),
            )

    def get_instance(self, job_id: JobId, index: int) -> InstanceRecord:
        """The record of one host. Raises JobNotFound."""
        with self.transaction():
            record = self._instances.get(job_id, {}).get(index)
            if record is None:
                raise JobNotFound(f"Job {job_id} has no instance with index {index}.")
            return record

    def save_cursor(self, job_id: JobId, index: int, cursor: LogCursor) -> None:
        """For the log, which owns the cursor."""
        with self.transaction():
            self._instances[job_id][index] = replace(self.get_instance(job_id, index), cursor=cursor)


def _stored_event(event: JobEvent) -> JobEvent:
    return JobEvent(at=stored_moment(event.at), action=event.action, detail=stored_json(event.detail))


def _with_facts(job: ProcessingJob, facts: JobFacts) -> ProcessingJob:
    return replace(
        job,
        started_at=job.started_at if facts.started_at is None else stored_moment(facts.started_at),
        started_uptime=facts.started_uptime or job.started_uptime,
        ended_at=job.ended_at if facts.ended_at is None else stored_moment(facts.ended_at),
        failure_reason=job.failure_reason if facts.failure_reason is None else stored_text(facts.failure_reason),
        exit_message=job.exit_message if facts.exit_message is None else stored_text(facts.exit_message),
        kept_until=job.kept_until if facts.kept_until is None else stored_moment(facts.kept_until),
    )


def _position(job: ProcessingJob, sort_by: SortBy) -> JobPosition:
    created_at_ms = round(job.created_at.timestamp() * 1000)
    match sort_by:
        case SortBy.NAME:
            return job.key.name, job.id
        case SortBy.CREATION_TIME:
            return created_at_ms, job.id
        case SortBy.STATUS:
            return job.status.value, created_at_ms, job.id
        case SortBy.ID:
            return (job.id,)


def _matches(job: ProcessingJob, query: JobQuery) -> bool:
    position = _position(job, query.sort_by)
    return (
        query.account in (None, job.key.account)
        and query.region in (None, job.key.region)
        and (query.status is None or job.status is query.status)
        and (query.name_contains or "") in job.key.name
        and _between(job.created_at, query.created_after, query.created_before)
        and _between(job.modified_at, query.modified_after, query.modified_before)
        and (query.after is None or (position < query.after if query.descending else position > query.after))
    )


def _between(moment: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or moment > after) and (before is None or moment < before)
