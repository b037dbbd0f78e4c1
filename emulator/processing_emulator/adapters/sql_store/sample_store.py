"""SampleStore on SQL: one narrow row for each sample."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, insert, select

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.job_tables import instances
from processing_emulator.adapters.sql_store.rows import sample_of
from processing_emulator.adapters.sql_store.sample_tables import usage_samples
from processing_emulator.adapters.sql_store.timestamps import to_ms, to_ms_ceiling
from processing_emulator.domain.job import JobId
from processing_emulator.domain.usage import UsageSample
from processing_emulator.errors import JobNotFound
from processing_emulator.ports import UsagePeaks


class SqlSampleStore:
    """Implements `ports.SampleStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append_sample(self, job_id: JobId, index: int, sample: UsageSample) -> None:
        """Store one sample; a second one of the same millisecond replaces the first. Raises JobNotFound."""
        key = {"job_id": job_id, "instance_index": index, "at_ms": to_ms(sample.at)}
        figures = {
            "cpu_percent": sample.cpu_percent,
            "memory_bytes": sample.memory_bytes,
            "disk_bytes": sample.disk_bytes,
            "gpu_percent": sample.gpu_percent,
            "gpu_memory_percent": sample.gpu_memory_percent,
        }
        present = select(instances.c.job_id).where(instances.c.job_id == job_id, instances.c.instance_index == index)
        with self._database.writing() as connection:
            if connection.execute(present).one_or_none() is None:
                raise JobNotFound(f"Job {job_id} has no instance with index {index}.")
            connection.execute(
                delete(usage_samples).where(_of_instance(job_id, index), usage_samples.c.at_ms == key["at_ms"])
            )
            connection.execute(insert(usage_samples).values(key | figures))

    def read_samples(self, job_id: JobId, index: int, since: datetime, until: datetime) -> Sequence[UsageSample]:
        """Samples with since <= at < until, in order."""
        statement = (
            select(usage_samples)
            .where(
                _of_instance(job_id, index),
                usage_samples.c.at_ms >= to_ms_ceiling(since),
                usage_samples.c.at_ms < to_ms_ceiling(until),
            )
            .order_by(usage_samples.c.at_ms)
        )
        with self._database.reading() as connection:
            return [sample_of(row) for row in connection.execute(statement)]

    def peaks(self, job_id: JobId, index: int) -> UsagePeaks:
        """The highest figures so far."""
        columns = usage_samples.c
        statement = select(
            func.count().label("samples"),
            func.coalesce(func.max(columns.cpu_percent), 0.0).label("cpu_percent"),
            func.coalesce(func.max(columns.memory_bytes), 0).label("memory_bytes"),
            func.coalesce(func.max(columns.disk_bytes), 0).label("disk_bytes"),
            func.max(columns.gpu_percent).label("gpu_percent"),
            func.max(columns.gpu_memory_percent).label("gpu_memory_percent"),
        ).where(_of_instance(job_id, index))
        with self._database.reading() as connection:
            row = connection.execute(statement).one()
        return UsagePeaks(
            samples=row.samples,
            cpu_percent=row.cpu_percent,
            memory_bytes=row.memory_bytes,
            disk_bytes=row.disk_bytes,
            gpu_percent=row.gpu_percent,
            gpu_memory_percent=row.gpu_memory_percent,
        )


def _of_instance(job_id: JobId, index: int) -> ColumnElement[bool]:
    return and_(usage_samples.c.job_id == job_id, usage_samples.c.instance_index == index)
