"""JobRemoval on SQL."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, or_, select

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.job_tables import (
    TERMINAL_PHASES,
    instances,
    job_events,
    job_requests,
    job_tags,
    jobs,
)
from processing_emulator.adapters.sql_store.log_tables import log_chunks, log_streams
from processing_emulator.adapters.sql_store.timestamps import from_ms, to_ms


class SqlJobRemoval:
    """Implements `ports.JobRemoval`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remove_jobs_ended_before(self, at: datetime, limit: int, now: datetime) -> int:
        """Remove jobs that ended before, with all that belongs to them; how many."""
        ended = (
            select(jobs.c.id)
            .where(jobs.c.ended_at_ms < to_ms(at), _is_over(now))
            .order_by(jobs.c.ended_at_ms)
            .limit(limit)
        )
        with self._database.writing() as connection:
            ids = connection.execute(ended).scalars().all()
            streams = select(log_streams.c.id).where(log_streams.c.job_id.in_(ids))
            connection.execute(delete(log_chunks).where(log_chunks.c.stream_id.in_(streams)))
            for table in (log_streams, instances, job_events, job_tags, job_requests):
                connection.execute(delete(table).where(table.c.job_id.in_(ids)))
            connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))
        return len(ids)

    def first_end(self, now: datetime) -> datetime | None:
        """When the job ended that ended first."""
        ends = select(func.min(jobs.c.ended_at_ms)).where(_is_over(now))
        with self._database.reading() as connection:
            first: int | None = connection.execute(ends).scalar_one()
        return None if first is None else from_ms(first)

    def used_bytes(self) -> int | None:
        """The pages in use of a SQLite file."""
        return self._database.used_bytes()

    def give_space_back(self) -> bool:
        """A part of the unused pages of a SQLite file; PostgreSQL cleans up by itself."""
        return self._database.give_space_back()


def _is_over(now: datetime) -> ColumnElement[bool]:
    """The job has ended, and is not kept to be looked into."""
    not_kept = or_(jobs.c.kept_until_ms.is_(None), jobs.c.kept_until_ms <= to_ms(now))
    return and_(jobs.c.phase.in_(TERMINAL_PHASES), not_kept)
