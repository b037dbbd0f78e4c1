"""New jobs as SQL: as many as came at once, in one statement.

The driver gives up Python's lock for each statement, and has to win it back behind whoever has work meanwhile: the
event loop, which reads the next requests. So there is one, and all that it needs is known before.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from processing_emulator.adapters.sql_store.database import Database, DriverCursor
from processing_emulator.adapters.sql_store.driver_statements import DriverInsert, DriverLookup
from processing_emulator.adapters.sql_store.errors import RowRefused
from processing_emulator.adapters.sql_store.job_tables import jobs
from processing_emulator.adapters.sql_store.json_columns import to_json
from processing_emulator.adapters.sql_store.new_jobs import new_jobs
from processing_emulator.adapters.sql_store.timestamps import to_ms
from processing_emulator.domain.job import JobId, NewJob
from processing_emulator.domain.phase import JobPhase

_PENDING = JobPhase.PENDING.value
_STORED_IDS = DriverLookup(select(jobs.c.id), jobs.c.id)
_LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'"
_ADD_JOBS = DriverInsert(new_jobs)


class JobAdder:
    """Stores new jobs, and gives them their ids: it remembers the last one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last_id: int | None = None

    def add(self, new: Sequence[NewJob]) -> Sequence[JobId | None]:
        """Store at least one new job; in their order, None for a name that is in use."""
        try:
            return self._add(new)
        except RowRefused:  # somebody else has given ids in this database
            self._last_id = None
            return self._add(new)

    def _add(self, new: Sequence[NewJob]) -> Sequence[JobId | None]:
        with self._database.storing() as cursor:
            return self._add_with(cursor, new)

    def _add_with(self, cursor: DriverCursor, new: Sequence[NewJob]) -> Sequence[JobId | None]:
        last = _last_id(cursor) if self._last_id is None else self._last_id
        ids = [JobId(number) for number in range(last + 1, last + 1 + len(new))]
        changed = _ADD_JOBS.add(cursor, [_row(job_id, each) for job_id, each in zip(ids, new, strict=True)])
        self._last_id = ids[-1]
        if changed == sum(2 + len(each.tags) for each in new):
            return ids
        stored = {number for (number,) in _STORED_IDS.rows(cursor, {}, ids)}
        return [job_id if job_id in stored else None for job_id in ids]


def _last_id(cursor: DriverCursor) -> int:
    """The last id that was given, to a job that is still there or not."""
    cursor.execute(_LAST_ID)
    return max((last for (last,) in cursor.fetchall()), default=0)


def _row(job_id: JobId, new: NewJob) -> tuple[Any, ...]:
    key, tags = new.key, to_json(dict(new.tags)) if new.tags else None
    request = to_json(dict(new.request))
    return job_id, key.account, key.region, key.name, key.name.lower(), _PENDING, to_ms(new.at), request, tags
