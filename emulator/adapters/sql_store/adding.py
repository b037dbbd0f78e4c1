"""New jobs as SQL: as many as came at once in one statement per table, because most of the cost is the statement's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from emulator.adapters.sql_store.moments import from_ms, to_ms
from emulator.adapters.sql_store.rows import event_columns
from emulator.adapters.sql_store.tables import job_events, job_requests, job_tags, jobs
from emulator.domain.job import JobEvent, JobId, JobKey, NewJob, ProcessingJob
from emulator.domain.phase import JobPhase

# Built once: making a statement costs as much as running it. SQLite finds no index for a list of pairs, so names are
# asked for by owner.
_TAKEN = select(jobs.c.folded_name).where(
    jobs.c.account == bindparam("account"),
    jobs.c.region == bindparam("region"),
    jobs.c.folded_name.in_(bindparam("names", expanding=True)),
    jobs.c.deleted_at_ms.is_(None),
)
_ADD_JOBS = insert(jobs).returning(jobs.c.id, sort_by_parameter_order=True)
_ADD_REQUESTS = insert(job_requests)
_ADD_TAGS = insert(job_tags)
_ADD_EVENTS = insert(job_events)


def names_by_owner(keys: Iterable[JobKey]) -> Mapping[tuple[str, str], list[str]]:
    """The names of each account and region."""
    names: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        names.setdefault((key.account, key.region), []).append(key.name)
    return names


def insert_jobs(connection: Connection, new: Sequence[NewJob]) -> Sequence[ProcessingJob | None]:
    """Store new jobs, each with its first event; in their order, None for a name that is in use."""
    folded = [replace(each.key, name=each.key.name.lower()) for each in new]
    taken = _taken(connection, folded)
    verdicts: list[ProcessingJob | None] = [None] * len(new)
    free: list[int] = []
    for position, key in enumerate(folded):
        if key not in taken:
            taken.add(key)
            free.append(position)
    if free:
        added = _insert(connection, [new[position] for position in free])
        for position, job in zip(free, added, strict=True):
            verdicts[position] = job
    return verdicts


def _insert(connection: Connection, new: Sequence[NewJob]) -> Sequence[ProcessingJob]:
    ids = [JobId(row.id) for row in connection.execute(_ADD_JOBS, [_columns(each) for each in new])]
    pairs = list(zip(ids, new, strict=True))
    connection.execute(_ADD_REQUESTS, [{"job_id": job_id, "request": dict(each.request)} for job_id, each in pairs])
    connection.execute(
        _ADD_EVENTS, [dict(event_columns(job_id, JobEvent(at=each.at, action="created"))) for job_id, each in pairs]
    )
    tags = [{"job_id": job_id, "key": key, "value": each.tags[key]} for job_id, each in pairs for key in each.tags]
    if tags:
        connection.execute(_ADD_TAGS, tags)
    return [_stored(job_id, each) for job_id, each in pairs]


def _taken(connection: Connection, folded: Sequence[JobKey]) -> set[JobKey]:
    """Those of the keys, in lower case, that have a job."""
    taken: set[JobKey] = set()
    for (account, region), names in names_by_owner(folded).items():
        rows = connection.execute(_TAKEN, {"account": account, "region": region, "names": names})
        taken |= {JobKey(account=account, region=region, name=row.folded_name) for row in rows}
    return taken


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
