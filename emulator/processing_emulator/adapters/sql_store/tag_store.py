"""TagStore on SQL."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.job_tables import job_tags, jobs
from processing_emulator.domain.job import JobId
from processing_emulator.errors import JobNotFound, ValidationFailed


class SqlTagStore:
    """Implements `ports.TagStore`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_tags(self, job_id: JobId) -> Mapping[str, str]:
        """The job's tags."""
        with self._database.reading() as connection:
            return _tags(connection, job_id)

    def put_tags(self, job_id: JobId, tags: Mapping[str, str], limit: int) -> Mapping[str, str]:
        """Add tags, or overwrite those with the same key. Raises ValidationFailed, JobNotFound."""
        listed = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.deleted_at_ms.is_(None))
        with self._database.writing() as connection:
            if connection.execute(listed).one_or_none() is None:
                raise JobNotFound(f"There is no job with the id {job_id}, or it was deleted.")
            merged = {**_tags(connection, job_id), **tags}
            if len(merged) > limit:
                raise ValidationFailed(f"A resource cannot have more than {limit} tags; it would have {len(merged)}.")
            _remove_tags(connection, job_id, tags)
            store_tags(connection, job_id, tags)
            return merged

    def remove_tags(self, job_id: JobId, keys: Collection[str]) -> None:
        """Remove the tags with these keys; keys that are not there are no error."""
        with self._database.writing() as connection:
            _remove_tags(connection, job_id, keys)


def store_tags(connection: Connection, job_id: JobId, tags: Mapping[str, str]) -> None:
    """Store tags whose keys the job does not have yet."""
    if tags:
        rows = [{"job_id": job_id, "key": key, "value": value} for key, value in tags.items()]
        connection.execute(insert(job_tags), rows)


def _tags(connection: Connection, job_id: JobId) -> dict[str, str]:
    statement = select(job_tags.c.key, job_tags.c.value).where(job_tags.c.job_id == job_id).order_by(job_tags.c.key)
    return {row.key: row.value for row in connection.execute(statement)}


def _remove_tags(connection: Connection, job_id: JobId, keys: Collection[str]) -> None:
    connection.execute(delete(job_tags).where(job_tags.c.job_id == job_id, job_tags.c.key.in_(list(keys))))
