"""KeptJobStore on SQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update

from processing_emulator.adapters.sql_store.event_store import SqlEventStore, store_event
from processing_emulator.adapters.sql_store.job_lookup import get_job
from processing_emulator.adapters.sql_store.job_tables import jobs
from processing_emulator.adapters.sql_store.listing import SELECT_JOB
from processing_emulator.adapters.sql_store.rows import job_of
from processing_emulator.adapters.sql_store.timestamps import to_ms
from processing_emulator.domain.job import JobEvent, JobId, ProcessingJob
from processing_emulator.errors import JobNotKept


class SqlKeptJobStore(SqlEventStore):
    """Implements `ports.KeptJobStore`; every method is one transaction."""

    def list_kept(self, at: datetime) -> Sequence[ProcessingJob]:
        """The jobs that are kept at that time, those kept for the shortest time first."""
        kept = SELECT_JOB.where(jobs.c.kept_until_ms > to_ms(at)).order_by(jobs.c.kept_until_ms, jobs.c.id)
        with self._database.reading() as connection:
            return [job_of(row) for row in connection.execute(kept)]

    def change_kept(self, job_id: JobId, until: datetime, event: JobEvent) -> ProcessingJob:
        """Keep a job until another time, with an event. Raises JobNotKept, JobNotFound."""
        change = update(jobs).where(jobs.c.id == job_id, jobs.c.kept_until_ms > to_ms(event.at))
        with self._storing_events() as connection:
            changed = connection.execute(change.values(kept_until_ms=to_ms(until))).rowcount
            job = get_job(connection, job_id)
            if not changed:
                raise JobNotKept(f"Nothing of the job {job.key.name} is kept any more.")
            store_event(connection, [job_id], event)
            return job
