"""New jobs as SQL: as many as came at once, in one transaction of few statements."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from sqlalchemy import bindparam, select

from emulator.adapters.sql_store.database import DriverCursor
from emulator.adapters.sql_store.documents import to_json
from emulator.adapters.sql_store.driver_statements import DriverInsert, DriverLookup
from emulator.adapters.sql_store.moments import to_ms
from emulator.adapters.sql_store.tables import job_requests, job_tags, jobs
from emulator.domain.job import JobId, JobKey, NewJob
from emulator.domain.phase import JobPhase

_PENDING = JobPhase.PENDING.value
_TAKEN_NAMES = DriverLookup(
    select(jobs.c.folded_name).where(
        jobs.c.account == bindparam("account"), jobs.c.region == bindparam("region"), jobs.c.deleted_at_ms.is_(None)
    ),
    jobs.c.folded_name,
)
_LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'"
_ADD_JOBS = DriverInsert(
    jobs, ("id", "account", "region", "name", "folded_name", "phase", "created_at_ms", "modified_at_ms")
)
_ADD_REQUESTS = DriverInsert(job_requests, ("job_id", "request"))
_ADD_TAGS = DriverInsert(job_tags, ("job_id", "key", "value"))


def names_by_owner(keys: Iterable[JobKey]) -> Mapping[tuple[str, str], list[str]]:
    """The names of each account and region."""
    names: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        names.setdefault((key.account, key.region), []).append(key.name)
    return names


def insert_jobs(cursor: DriverCursor, new: Sequence[NewJob]) -> Sequence[JobId | None]:
    """Store new jobs; in their order, None for a name that is in use."""
    fresh = _fresh(cursor, new)
    number = count(_last_id(cursor) + 1)
    ids = [JobId(next(number)) if is_fresh else None for is_fresh in fresh]
    added = [(job_id, each) for job_id, each in zip(ids, new, strict=True) if job_id is not None]
    _ADD_JOBS.add(cursor, [_columns(job_id, each) for job_id, each in added])
    _ADD_REQUESTS.add(cursor, [(job_id, to_json(dict(each.request))) for job_id, each in added])
    _ADD_TAGS.add(cursor, [(job_id, *tag) for job_id, each in added for tag in each.tags.items()])
    return ids


def _last_id(cursor: DriverCursor) -> int:
    """The last id that was given, to a job that is still there or not."""
    cursor.execute(_LAST_ID)
    return max((last for (last,) in cursor.fetchall()), default=0)


def _fresh(cursor: DriverCursor, new: Sequence[NewJob]) -> Sequence[bool]:
    """In their order: whether a name is free, and wanted by nobody before in the same group."""
    taken: set[tuple[str, str, str]] = set()
    for (account, region), names in names_by_owner(each.key for each in new).items():
        owner = {"account": account, "region": region}
        rows = _TAKEN_NAMES.rows(cursor, owner, [name.lower() for name in names])
        taken.update((account, region, folded) for (folded,) in rows)
    fresh: list[bool] = []
    for key in (each.key for each in new):
        name = (key.account, key.region, key.name.lower())
        fresh.append(name not in taken)
        taken.add(name)
    return fresh


def _columns(job_id: JobId, new: NewJob) -> tuple[Any, ...]:
    key, at_ms = new.key, to_ms(new.at)
    return job_id, key.account, key.region, key.name, key.name.lower(), _PENDING, at_ms, at_ms
