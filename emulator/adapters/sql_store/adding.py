"""New jobs as SQL: as many as came at once, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from emulator.adapters.sql_store.documents import to_json
from emulator.adapters.sql_store.driver_statements import DriverInsert
from emulator.adapters.sql_store.moments import from_ms, to_ms
from emulator.adapters.sql_store.tables import job_events, job_requests, job_tags, jobs
from emulator.domain.job import JobEvent, JobId, JobKey, NewJob, ProcessingJob
from emulator.domain.phase import JobPhase

_ADD_JOB = DriverInsert(jobs, ("account", "region", "name", "folded_name", "phase", "created_at_ms", "modified_at_ms"))
_ADD_REQUESTS = DriverInsert(job_requests, ("job_id", "request"))
_ADD_TAGS = insert(job_tags)
_ADD_EVENTS = DriverInsert(job_events, ("job_id", "at_ms", "action", "detail"))


def names_by_owner(keys: Iterable[JobKey]) -> Mapping[tuple[str, str], list[str]]:
    """The names of each account and region."""
    names: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        names.setdefault((key.account, key.region), []).append(key.name)
    return names


def insert_jobs(connection: Connection, new: Sequence[NewJob]) -> Sequence[ProcessingJob | None]:
    """Store new jobs, each with its first event; in their order, None for a name that is in use."""
    ids = _ADD_JOB.add_unless_taken(connection, [_columns(each) for each in new])
    added = [(JobId(job_id), each) for job_id, each in zip(ids, new, strict=True) if job_id is not None]
    _ADD_REQUESTS.add(
        connection, [{"job_id": job_id, "request": to_json(dict(each.request))} for job_id, each in added]
    )
    insert_events(connection, [(job_id, JobEvent(at=each.at, action="created")) for job_id, each in added])
    tags = [{"job_id": job_id, "key": key, "value": each.tags[key]} for job_id, each in added for key in each.tags]
    if tags:
        connection.execute(_ADD_TAGS, tags)
    stored = iter([_stored(job_id, each) for job_id, each in added])
    return [None if job_id is None else next(stored) for job_id in ids]


def insert_events(connection: Connection, events: Sequence[tuple[JobId, JobEvent]]) -> None:
    """Append to the histories of jobs."""
    _ADD_EVENTS.add(
        connection,
        [
            {"job_id": job_id, "at_ms": to_ms(event.at), "action": event.action, "detail": to_json(dict(event.detail))}
            for job_id, event in events
        ],
    )


def _columns(new: NewJob) -> Mapping[str, Any]:
    at_ms = to_ms(new.at)
    return {
        "account": new.key.account,
        "region": new.key.region,
        "name": new.key.name,
        "folded_name": new.key.name.lower(),
        "phase": JobPhase.PENDING.value,
        "created_at_ms": at_ms,
        "modified_at_ms": at_ms,
    }


def _stored(job_id: JobId, new: NewJob) -> ProcessingJob:
    """As it would be read back."""
    at = from_ms(to_ms(new.at))
    return ProcessingJob(
        id=job_id, key=new.key, phase=JobPhase.PENDING, request=new.request, created_at=at, modified_at=at
    )
