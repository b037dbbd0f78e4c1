"""JobStore on SQL: jobs, their history, tags and instances."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update
from sqlalchemy import delete as sql_delete

from processing_emulator.adapters.sql_store.adding import JobAdder
from processing_emulator.adapters.sql_store.all_tables import metadata
from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.driver_statements import DriverLookup
from processing_emulator.adapters.sql_store.job_tables import instances, job_events, job_tags, jobs
from processing_emulator.adapters.sql_store.json_columns import from_json
from processing_emulator.adapters.sql_store.listing import (
    SELECT_JOB,
    SELECT_UNFINISHED,
    SELECT_UNFINISHED_INSTANCES,
    read_page,
)
from processing_emulator.adapters.sql_store.metadata import schema_version
from processing_emulator.adapters.sql_store.rows import (
    event_columns,
    event_of,
    facts_columns,
    instance_columns,
    instance_of,
    is_storable,
    job_of,
    limits_columns,
)
from processing_emulator.adapters.sql_store.timestamps import from_ms, to_ms
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
from processing_emulator.domain.phase import TRANSITIONS, JobPhase
from processing_emulator.domain.spec import InstanceChoice
from processing_emulator.errors import (
    InternalBug,
    JobNameInUse,
    JobNotDeletable,
    JobNotFound,
    JobNotStoppable,
    StaleJob,
    ValidationFailed,
)
from processing_emulator.ports import JobPage, JobQuery

_TERMINAL = [phase.value for phase in JobPhase if phase.is_terminal]

# Built once: making a statement costs as much as running it.
_BY_ID = SELECT_JOB.where(jobs.c.id == bindparam("job_id"))
_CREATED_AT = select(jobs.c.created_at_ms).where(jobs.c.id == bindparam("job_id"))
_LISTED_ID = select(jobs.c.id).where(jobs.c.id == bindparam("job_id"), jobs.c.deleted_at_ms.is_(None))
_LIVE = SELECT_JOB.where(
    jobs.c.account == bindparam("account"), jobs.c.region == bindparam("region"), jobs.c.deleted_at_ms.is_(None)
)
_BY_NAMES = DriverLookup(_LIVE, jobs.c.name)
_BY_NAME = _LIVE.where(jobs.c.name == bindparam("name"))
_BY_FOLDED_NAME = _LIVE.where(jobs.c.folded_name == bindparam("name"))
_ADD_TAG = insert(job_tags)
_ADD_EVENT = insert(job_events)
_EVENT_VALUES = [job_events.c.at_ms, job_events.c.action, job_events.c.detail]
_ADD_EVENT_TO_ALL = insert(job_events).from_select(
    [job_events.c.job_id, *_EVENT_VALUES],
    select(jobs.c.id, *(bindparam(column.name, type_=column.type) for column in _EVENT_VALUES)).where(
        jobs.c.id.in_(bindparam("job_ids", expanding=True))
    ),
)


class SqlJobStore:
    """Implements `ports.JobStore`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._adder = JobAdder(database)

    def add(self, key: JobKey, request: Mapping[str, Any], tags: Mapping[str, str], at: datetime) -> ProcessingJob:
        """Store a new job in PENDING with its first event, `created`. Raises JobNameInUse."""
        (job_id,) = self.add_all([NewJob(key=key, request=request, tags=tags, at=at)])
        if job_id is None:
            raise JobNameInUse(
                "Job name must be unique within an AWS account and region,"
                f" and a job with this name already exists ({key.arn})"
            )
        return self.get(job_id)

    def add_all(self, new: Sequence[NewJob]) -> Sequence[JobId | None]:
        """Store new jobs in one transaction; their ids in their order, None for each whose name is in use."""
        if not new:
            return []
        return self._adder.add(new)

    def find(self, key: JobKey) -> ProcessingJob | None:
        """The job of exactly that name, case included; not a deleted one."""
        return self._find(_BY_NAME, key, key.name)

    def find_all(self, keys: Sequence[JobKey]) -> Mapping[JobKey, ProcessingJob]:
        """`find` for many keys at once: the jobs that there are."""
        found: dict[JobKey, ProcessingJob] = {}
        for (account, region), names in _names_by_owner(keys).items():
            wanted = [name for name in names if is_storable(name)]
            if not wanted:
                continue
            with self._database.looking() as cursor:
                rows = _BY_NAMES.rows(cursor, {"account": account, "region": region}, wanted)
            jobs_here = [_job_of_driver(values) for values in rows]
            found |= {job.key: job for job in jobs_here}
        return found

    def find_any_case(self, key: JobKey) -> ProcessingJob | None:
        """The job of that name in any case; not a deleted one."""
        return self._find(_BY_FOLDED_NAME, key, key.name.lower())

    def _find(self, statement: Select[Any], key: JobKey, name: str) -> ProcessingJob | None:
        if not is_storable(name):
            return None
        with self._database.reading() as connection:
            row = connection.execute(
                statement, {"account": key.account, "region": key.region, "name": name}
            ).one_or_none()
        return None if row is None else job_of(row)

    def get(self, job_id: JobId) -> ProcessingJob:
        """The job of that id, deleted or not. Raises JobNotFound."""
        with self._database.reading() as connection:
            return _get(connection, job_id)

    def list_page(self, query: JobQuery) -> JobPage:
        """One page of jobs."""
        with self._database.reading() as connection:
            return read_page(connection, query)

    def list_unfinished(self) -> Sequence[ProcessingJob]:
        """All jobs not in a terminal phase, first come first."""
        with self._database.reading() as connection:
            return [job_of(row) for row in connection.execute(SELECT_UNFINISHED)]

    def advance(
        self, job_id: JobId, expected: JobPhase, to: JobPhase, at: datetime, facts: JobFacts | None = None
    ) -> ProcessingJob:
        """Move a job, with an event `phase_changed`. Raises StaleJob, JobNotFound, InternalBug."""
        if to not in TRANSITIONS[expected]:
            raise InternalBug(f"Job {job_id} cannot move from {expected} to {to}.")
        changes = {"phase": to.value, "modified_at_ms": to_ms(at), **facts_columns(facts or JobFacts())}
        event = JobEvent(at=at, action="phase_changed", detail={"from": expected.value, "to": to.value})
        with self._database.writing() as connection:
            moved = connection.execute(
                update(jobs).where(jobs.c.id == job_id, jobs.c.phase == expected.value).values(changes)
            )
            job = _get(connection, job_id)
            if moved.rowcount == 0:
                raise StaleJob(f"Job {job_id} is in {job.phase}, not in {expected}; it does not move to {to}.")
            connection.execute(_ADD_EVENT, event_columns(job_id, event))
            return job

    def request_stop(self, job_id: JobId, at: datetime) -> ProcessingJob:
        """Record the wish to stop, with an event `stop_requested`. Raises JobNotFound, JobNotStoppable."""
        wish = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.stop_requested_at_ms.is_(None), jobs.c.phase.not_in(_TERMINAL))
            .values(stop_requested_at_ms=to_ms(at), modified_at_ms=to_ms(at))
        )
        with self._database.writing() as connection:
            recorded = connection.execute(wish)
            job = _get(connection, job_id)
            if recorded.rowcount == 0:
                raise JobNotStoppable(f"The request was rejected because the processing job is in status {job.status}.")
            connection.execute(_ADD_EVENT, event_columns(job_id, JobEvent(at=at, action="stop_requested")))
            return job

    def select(self, job_id: JobId, choice: InstanceChoice) -> ProcessingJob:
        """Record what a job with InstancePreferences will run on. Raises JobNotFound."""
        chosen = {"selected_type": choice.instance_type, "selected_count": choice.count}
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(chosen))
            return _get(connection, job_id)

    def delete(self, job_id: JobId, at: datetime) -> None:
        """Take a job out of every look-up but the one by id. Raises JobNotDeletable, JobNotFound."""
        gone = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.deleted_at_ms.is_(None), jobs.c.phase.in_(_TERMINAL))
            .values(deleted_at_ms=to_ms(at))
        )
        with self._database.writing() as connection:
            deleted = connection.execute(gone)
            job = _get(connection, job_id)
            if deleted.rowcount == 0:
                if job.phase.is_terminal:
                    raise JobNotFound(f"Job {job_id} was deleted before.")
                raise JobNotDeletable(f"Job {job_id} is in {job.phase}; it has not ended.")
            connection.execute(sql_delete(job_tags).where(job_tags.c.job_id == job_id))
            connection.execute(_ADD_EVENT, event_columns(job_id, JobEvent(at=at, action="deleted")))

    def clear(self) -> int:
        """Forget everything, logs and samples too; how many jobs were listed. Deleted jobs go, but do not count."""
        with self._database.writing() as connection:
            listed = select(func.count()).select_from(jobs).where(jobs.c.deleted_at_ms.is_(None))
            count: int = connection.execute(listed).scalar_one()
            for table in (t for t in reversed(metadata.sorted_tables) if t is not schema_version):
                connection.execute(sql_delete(table))
            return count

    def add_event(self, job_id: JobId, event: JobEvent) -> None:
        """Append to the job's history. Raises JobNotFound."""
        with self._database.writing() as connection:
            _require_job(connection, job_id)
            connection.execute(_ADD_EVENT, event_columns(job_id, event))

    def add_event_to_all(self, job_ids: Collection[JobId], event: JobEvent) -> None:
        """Append the same event to the history of each of these jobs, as far as they exist."""
        if job_ids:
            values = {"at_ms": to_ms(event.at), "action": event.action, "detail": dict(event.detail)}
            with self._database.writing() as connection:
                connection.execute(_ADD_EVENT_TO_ALL, {"job_ids": list(job_ids), **values})

    def list_events(self, job_id: JobId) -> Sequence[JobEvent]:
        """The job's history in order."""
        statement = select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.id)
        with self._database.reading() as connection:
            created_at_ms = connection.execute(_CREATED_AT, {"job_id": job_id}).scalar_one_or_none()
            if created_at_ms is None:
                return []
            first = JobEvent(at=from_ms(created_at_ms), action="created")
            return [first, *(event_of(row) for row in connection.execute(statement))]

    def list_tags(self, job_id: JobId) -> Mapping[str, str]:
        """The job's tags."""
        with self._database.reading() as connection:
            return _tags(connection, job_id)

    def put_tags(self, job_id: JobId, tags: Mapping[str, str], limit: int) -> Mapping[str, str]:
        """Add tags, or overwrite those of the same key. Raises ValidationFailed, JobNotFound."""
        with self._database.writing() as connection:
            if connection.execute(_LISTED_ID, {"job_id": job_id}).one_or_none() is None:
                raise JobNotFound(f"There is no job with the id {job_id}, or it was deleted.")
            merged = {**_tags(connection, job_id), **tags}
            if len(merged) > limit:
                raise ValidationFailed(f"A resource cannot have more than {limit} tags; it would have {len(merged)}.")
            _remove_tags(connection, job_id, tags)
            rows = [{"job_id": job_id, "key": key, "value": value} for key, value in tags.items()]
            if rows:
                connection.execute(_ADD_TAG, rows)
            return merged

    def remove_tags(self, job_id: JobId, keys: Collection[str]) -> None:
        """Remove the tags of these keys, as far as there are any."""
        with self._database.writing() as connection:
            _remove_tags(connection, job_id, keys)

    def ensure_instance(self, job_id: JobId, index: int, limits: Limits) -> InstanceRecord:
        """The record of one host, made with these limits when there is none. Raises JobNotFound."""
        with self._database.writing() as connection:
            _require_job(connection, job_id)
            present = select(instances).where(instances.c.job_id == job_id, instances.c.instance_index == index)
            row = connection.execute(present).one_or_none()
            if row is None:
                key = {"job_id": job_id, "instance_index": index}
                connection.execute(insert(instances).values(key | dict(limits_columns(limits))))
                row = connection.execute(present).one()
            return instance_of(row)

    def list_instances(self, job_id: JobId) -> Sequence[InstanceRecord]:
        """All hosts of a job, in order."""
        statement = select(instances).where(instances.c.job_id == job_id).order_by(instances.c.instance_index)
        with self._database.reading() as connection:
            return [instance_of(row) for row in connection.execute(statement)]

    def list_unfinished_instances(self) -> Sequence[InstanceRecord]:
        """All hosts of all jobs not in a terminal phase, in the order of jobs and hosts."""
        with self._database.reading() as connection:
            return [instance_of(row) for row in connection.execute(SELECT_UNFINISHED_INSTANCES)]

    def save_instance(self, record: InstanceRecord) -> None:
        """Store all facts of an instance but its cursor. Raises JobNotFound when the record was never made."""
        statement = (
            update(instances)
            .where(instances.c.job_id == record.job_id, instances.c.instance_index == record.index)
            .values(instance_columns(record))
        )
        with self._database.writing() as connection:
            if connection.execute(statement).rowcount == 0:
                raise JobNotFound(f"Job {record.job_id} has no instance {record.host}.")


def _names_by_owner(keys: Iterable[JobKey]) -> Mapping[tuple[str, str], list[str]]:
    """The names of each account and region."""
    names: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        names.setdefault((key.account, key.region), []).append(key.name)
    return names


def _job_of_driver(values: tuple[Any, ...]) -> ProcessingJob:
    row = dict(zip(_BY_NAMES.columns, values, strict=True))
    return job_of(SimpleNamespace(**{**row, "request": from_json(row["request"])}))


def _get(connection: Connection, job_id: JobId) -> ProcessingJob:
    row = connection.execute(_BY_ID, {"job_id": job_id}).one_or_none()
    if row is None:
        raise JobNotFound(f"There is no job with the id {job_id}.")
    return job_of(row)


def _tags(connection: Connection, job_id: JobId) -> dict[str, str]:
    statement = select(job_tags.c.key, job_tags.c.value).where(job_tags.c.job_id == job_id).order_by(job_tags.c.key)
    return {row.key: row.value for row in connection.execute(statement)}


def _remove_tags(connection: Connection, job_id: JobId, keys: Collection[str]) -> None:
    connection.execute(sql_delete(job_tags).where(job_tags.c.job_id == job_id, job_tags.c.key.in_(list(keys))))


def _require_job(connection: Connection, job_id: JobId) -> None:
    if connection.execute(select(jobs.c.id).where(jobs.c.id == job_id)).one_or_none() is None:
        raise JobNotFound(f"There is no job with the id {job_id}.")
