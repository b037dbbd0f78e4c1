"""JobStore on SQL: jobs and their phases; history, tags and instances have modules of their own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError

from processing_emulator.adapters.sql_store.all_tables import metadata
from processing_emulator.adapters.sql_store.event_rule_tables import event_deliveries
from processing_emulator.adapters.sql_store.event_store import store_event
from processing_emulator.adapters.sql_store.instance_store import SqlInstanceStore
from processing_emulator.adapters.sql_store.job_lookup import get_job
from processing_emulator.adapters.sql_store.job_tables import TERMINAL_PHASES, job_events, job_requests, job_tags, jobs
from processing_emulator.adapters.sql_store.kept_job_store import SqlKeptJobStore
from processing_emulator.adapters.sql_store.listing import IS_UNFINISHED, SELECT_JOB, SELECT_UNFINISHED, read_page
from processing_emulator.adapters.sql_store.metadata import emulator_schema
from processing_emulator.adapters.sql_store.rows import facts_columns, is_storable, job_of, new_job_columns
from processing_emulator.adapters.sql_store.tag_store import SqlTagStore, store_tags
from processing_emulator.adapters.sql_store.timestamps import to_ms
from processing_emulator.domain.job import PROGRESS, JobEvent, JobFacts, JobId, JobKey, ProcessingJob
from processing_emulator.domain.kept_job import kept_event
from processing_emulator.domain.phase import TRANSITIONS, JobPhase
from processing_emulator.domain.spec import InstanceChoice
from processing_emulator.errors import (
    InternalBug,
    JobNameInUse,
    JobNotDeletable,
    JobNotFound,
    JobNotStoppable,
    StaleJob,
)
from processing_emulator.ports import JobPage, JobQuery

_KEPT = (emulator_schema, event_deliveries)
"""The tables that a reset leaves alone."""


# Built once: building a statement takes as long as executing it.
_ADD_JOB = insert(jobs).returning(jobs.c.id)
_ADD_REQUEST = insert(job_requests)
_REMOVE_PROGRESS = sql_delete(job_events).where(
    job_events.c.job_id == bindparam("ended_job"), job_events.c.action == PROGRESS
)
_FIND_JOB = SELECT_JOB.where(
    *(column == bindparam(column.name) for column in (jobs.c.account, jobs.c.region, jobs.c.folded_name)),
    jobs.c.deleted_at_ms.is_(None),
)


class SqlJobStore(SqlKeptJobStore, SqlTagStore, SqlInstanceStore):
    """Implements `ports.JobStore`; every method is one transaction."""

    def add(self, key: JobKey, request: Mapping[str, Any], tags: Mapping[str, str], at: datetime) -> ProcessingJob:
        """Store a new job in PENDING with its first event, `created`. Raises JobNameInUse."""
        with self._storing_events() as connection:
            try:
                job_id = JobId(connection.execute(_ADD_JOB, new_job_columns(key, request, at)).scalar_one())
            except IntegrityError as error:  # names are all that a new job can have in common with another
                raise JobNameInUse(
                    "Job name must be unique within an AWS account and region,"
                    f" and a job with this name already exists ({key.arn})"
                ) from error
            connection.execute(_ADD_REQUEST, {"job_id": job_id, "request": dict(request)})
            store_tags(connection, job_id, tags)
            store_event(connection, [job_id], JobEvent(at=at, action="created"))
            return get_job(connection, job_id)

    def find(self, key: JobKey) -> ProcessingJob | None:
        """The job of that name, whatever the case of its letters; not a deleted one."""
        if not is_storable(key.name):
            return None
        named = {"account": key.account, "region": key.region, "folded_name": key.name.lower()}
        with self._database.reading() as connection:
            row = connection.execute(_FIND_JOB, named).one_or_none()
        return None if row is None else job_of(row)

    def get(self, job_id: JobId) -> ProcessingJob:
        """The job of that id, deleted or not. Raises JobNotFound."""
        with self._database.reading() as connection:
            return get_job(connection, job_id)

    def list_page(self, query: JobQuery) -> JobPage:
        """One page of jobs."""
        with self._database.reading() as connection:
            return read_page(connection, query)

    def list_unfinished(self) -> Sequence[ProcessingJob]:
        """All jobs not in a terminal phase, oldest first."""
        with self._database.reading() as connection:
            return [job_of(row) for row in connection.execute(SELECT_UNFINISHED)]

    def count_waiting_before(self, job_id: JobId) -> int:
        """How many jobs wait in PENDING that were stored before this one."""
        waiting = (
            select(func.count())
            .select_from(jobs)
            .where(IS_UNFINISHED, jobs.c.phase == JobPhase.PENDING.value, jobs.c.id < job_id)
        )
        with self._database.reading() as connection:
            return connection.execute(waiting).scalar_one()

    def count_instances_in_use(self, account: str, region: str) -> Mapping[str, int]:
        """The instances of unfinished jobs by instance type."""
        instance_type = func.coalesce(jobs.c.selected_type, jobs.c.instance_type)
        count = func.sum(func.coalesce(jobs.c.selected_count, jobs.c.instance_count))
        in_use = (
            select(instance_type, count)
            .where(IS_UNFINISHED, jobs.c.account == account, jobs.c.region == region)
            .group_by(instance_type)
        )
        with self._database.reading() as connection:
            return {name: int(number) for name, number in connection.execute(in_use)}

    def advance(
        self, job_id: JobId, expected: JobPhase, to: JobPhase, at: datetime, facts: JobFacts | None = None
    ) -> ProcessingJob:
        """Move a job, with an event `phase_changed`. Raises StaleJob, JobNotFound, InternalBug."""
        if to not in TRANSITIONS[expected]:
            raise InternalBug(f"Job {job_id} cannot move from {expected} to {to}.")
        changes = {"phase": to.value, "modified_at_ms": to_ms(at), **facts_columns(facts or JobFacts())}
        move = update(jobs).where(jobs.c.id == job_id, jobs.c.phase == expected.value).values(changes)
        event = JobEvent(at=at, action="phase_changed", detail={"from": expected.value, "to": to.value})
        with self._storing_events() as connection:
            moved = connection.execute(move).rowcount
            job = get_job(connection, job_id)
            if not moved:
                raise StaleJob(f"Job {job_id} is in {job.phase}, not in {expected}; it does not move to {to}.")
            store_event(connection, [job_id], event)
            if facts is not None and facts.kept_until is not None:
                store_event(connection, [job_id], kept_event(job.key, at, facts.kept_until))
            if to.is_terminal:
                connection.execute(_REMOVE_PROGRESS, {"ended_job": job_id})
            return job

    def request_stop(self, job_id: JobId, at: datetime) -> ProcessingJob:
        """Record the request to stop, with an event `stop_requested`. Raises JobNotFound, JobNotStoppable."""
        stop = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.stop_requested_at_ms.is_(None), jobs.c.phase.not_in(TERMINAL_PHASES))
            .values(stop_requested_at_ms=to_ms(at), modified_at_ms=to_ms(at))
        )
        with self._storing_events() as connection:
            recorded = connection.execute(stop).rowcount
            job = get_job(connection, job_id)
            if not recorded:
                raise JobNotStoppable(f"The request was rejected because the processing job is in status {job.status}.")
            store_event(connection, [job_id], JobEvent(at=at, action="stop_requested"))
            return job

    def select(self, job_id: JobId, choice: InstanceChoice) -> ProcessingJob:
        """Record what a job with InstancePreferences will run on. Raises JobNotFound."""
        chosen = {"selected_type": choice.instance_type, "selected_count": choice.count}
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(chosen))
            return get_job(connection, job_id)

    def delete(self, job_id: JobId, at: datetime) -> None:
        """Remove a job from every look-up but the one by id. Raises JobNotDeletable, JobNotFound."""
        mark = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.deleted_at_ms.is_(None), jobs.c.phase.in_(TERMINAL_PHASES))
            .values(deleted_at_ms=to_ms(at), kept_until_ms=None)
        )
        with self._storing_events() as connection:
            marked = connection.execute(mark).rowcount
            job = get_job(connection, job_id)
            if not marked:
                if job.phase.is_terminal:
                    raise JobNotFound(f"Job {job_id} was deleted before.")
                raise JobNotDeletable(f"Job {job_id} is in {job.phase}; it has not ended.")
            connection.execute(sql_delete(job_tags).where(job_tags.c.job_id == job_id))
            store_event(connection, [job_id], JobEvent(at=at, action="deleted"))

    def clear(self) -> int:
        """Remove everything, logs and samples too; how many jobs were listed. Deleted jobs go, but do not count."""
        listed = select(func.count()).select_from(jobs).where(jobs.c.deleted_at_ms.is_(None))
        with self._database.writing() as connection:
            count = connection.execute(listed).scalar_one()
            for table in (t for t in reversed(metadata.sorted_tables) if t not in _KEPT):
                connection.execute(sql_delete(table))
            return count
