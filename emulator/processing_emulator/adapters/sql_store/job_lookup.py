"""Looks one job up inside a transaction."""

from sqlalchemy import Connection, select

from processing_emulator.adapters.sql_store.job_tables import jobs
from processing_emulator.adapters.sql_store.listing import SELECT_JOB
from processing_emulator.adapters.sql_store.rows import job_of
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.errors import JobNotFound


def get_job(connection: Connection, job_id: JobId) -> ProcessingJob:
    """The job of that id, deleted or not. Raises JobNotFound."""
    row = connection.execute(SELECT_JOB.where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise _not_found(job_id)
    return job_of(row)


def require_job(connection: Connection, job_id: JobId) -> None:
    """Raise JobNotFound unless there is a job of that id, deleted or not."""
    if connection.execute(select(jobs.c.id).where(jobs.c.id == job_id)).one_or_none() is None:
        raise _not_found(job_id)


def _not_found(job_id: JobId) -> JobNotFound:
    return JobNotFound(f"There is no job with the id {job_id}.")
