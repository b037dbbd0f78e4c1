"""InstanceStore on SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, insert, select, update

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.job_lookup import require_job
from processing_emulator.adapters.sql_store.job_tables import instances, jobs
from processing_emulator.adapters.sql_store.listing import IS_UNFINISHED
from processing_emulator.adapters.sql_store.rows import instance_columns, instance_of, limits_columns
from processing_emulator.domain.job import InstanceRecord, JobId, Limits
from processing_emulator.errors import JobNotFound


class SqlInstanceStore:
    """Implements `ports.InstanceStore`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure_instances(self, job_id: JobId, limits: Sequence[Limits]) -> Sequence[InstanceRecord]:
        """The records of a job's hosts; those that are missing are made with these limits. Raises JobNotFound."""
        with self._database.writing() as connection:
            require_job(connection, job_id)
            there = {row.instance_index for row in connection.execute(_of_job(job_id))}
            missing = [
                {"job_id": job_id, "instance_index": index} | dict(limits_columns(one))
                for index, one in enumerate(limits)
                if index not in there
            ]
            if missing:
                connection.execute(insert(instances), missing)
            return [instance_of(row) for row in connection.execute(_of_job(job_id))]

    def list_instances(self, job_id: JobId) -> Sequence[InstanceRecord]:
        """All hosts of a job, in order."""
        with self._database.reading() as connection:
            return [instance_of(row) for row in connection.execute(_of_job(job_id))]

    def list_unfinished_instances(self) -> Sequence[InstanceRecord]:
        """All hosts of all jobs not in a terminal phase, in the order of jobs and hosts."""
        statement = (
            select(instances)
            .join_from(jobs, instances)
            .where(IS_UNFINISHED)
            .order_by(instances.c.job_id, instances.c.instance_index)
        )
        with self._database.reading() as connection:
            return [instance_of(row) for row in connection.execute(statement)]

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


def _of_job(job_id: JobId) -> Select[Any]:
    return select(instances).where(instances.c.job_id == job_id).order_by(instances.c.instance_index)
