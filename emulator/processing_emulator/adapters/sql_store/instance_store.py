"""InstanceStore on SQL."""

from collections.abc import Sequence

from sqlalchemy import insert, select, update

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

    def ensure_instance(self, job_id: JobId, index: int, limits: Limits) -> InstanceRecord:
        """The record of one host, made with these limits when there is none. Raises JobNotFound."""
        present = select(instances).where(instances.c.job_id == job_id, instances.c.instance_index == index)
        key = {"job_id": job_id, "instance_index": index}
        with self._database.writing() as connection:
            require_job(connection, job_id)
            row = connection.execute(present).one_or_none()
            if row is None:
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
