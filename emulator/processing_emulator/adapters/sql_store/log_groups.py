"""What clients change of log groups and streams as SQL: create, delete, retention, tags."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.log_additions import select_chunks, unpacked
from processing_emulator.adapters.sql_store.log_chunks import events_since, pack
from processing_emulator.adapters.sql_store.log_streams import (
    find_stream,
    group_id,
    insert_group,
    insert_stream,
    is_stream,
)
from processing_emulator.adapters.sql_store.log_tables import log_chunks, log_groups, log_streams
from processing_emulator.domain.log_names import LogGroupKey, LogStreamId
from processing_emulator.errors import LogExists, LogNotFound
from processing_emulator.ports import LogStream
from processing_emulator.ports.logs import STANDARD_CLASS, Tags


class SqlLogGroups:
    """The part of `ports.LogStore` that is about groups and streams as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_group(self, key: LogGroupKey, at_ms: int, *, log_class: str = STANDARD_CLASS, tags: Tags) -> None:
        """Add a group. Raises LogExists."""
        with self._database.writing() as connection:
            if group_id(connection, key) is not None:
                raise LogExists("The specified log group already exists")
            insert_group(connection, key, at_ms, log_class, tags)

    def create_stream(self, group: LogGroupKey, name: str, at_ms: int) -> None:
        """Add a stream without events. Raises LogNotFound, LogExists."""
        with self._database.writing() as connection:
            row = _required_group(connection, group)
            if is_stream(connection, row, name):
                raise LogExists("The specified log stream already exists")
            insert_stream(connection, row, name, at_ms)

    def delete_group(self, key: LogGroupKey) -> None:
        """Delete a group with its streams and events. Raises LogNotFound."""
        with self._database.writing() as connection:
            row = _required_group(connection, key)
            ids = select(log_streams.c.id).where(log_streams.c.group_id == row)
            connection.execute(delete(log_chunks).where(log_chunks.c.stream_id.in_(ids)))
            connection.execute(delete(log_streams).where(log_streams.c.group_id == row))
            connection.execute(delete(log_groups).where(log_groups.c.id == row))

    def delete_stream(self, group: LogGroupKey, name: str) -> None:
        """Delete a stream with its events. Raises LogNotFound."""
        with self._database.writing() as connection:
            stream = required_stream(connection, group, name)
            connection.execute(delete(log_chunks).where(log_chunks.c.stream_id == stream.id))
            connection.execute(delete(log_streams).where(log_streams.c.id == stream.id))

    def set_retention(self, key: LogGroupKey, days: int | None) -> None:
        """Set how long events are kept; None: for ever. Raises LogNotFound."""
        with self._database.writing() as connection:
            row = _required_group(connection, key)
            connection.execute(update(log_groups).where(log_groups.c.id == row).values(retention_days=days))

    def edit_tags(self, key: LogGroupKey, edit: Callable[[Tags], Tags]) -> None:
        """Replace the tags of a group by what `edit` makes of them. Raises LogNotFound."""
        with self._database.writing() as connection:
            row = _required_group(connection, key)
            tags = dict(edit(_tags(connection, row)))
            connection.execute(update(log_groups).where(log_groups.c.id == row).values(tags=tags))

    def tags(self, key: LogGroupKey) -> Tags:
        """The tags of a group. Raises LogNotFound."""
        with self._database.reading() as connection:
            return _tags(connection, _required_group(connection, key))

    def retention_days(self, key: LogGroupKey) -> int | None:
        """How long events of a group are kept; None for ever, and where there is no such group."""
        with self._database.reading() as connection:
            statement = select(log_groups.c.retention_days).where(log_groups.c.id == group_id(connection, key))
            days: int | None = connection.execute(statement).scalar_one_or_none()
            return days

    def retentions(self) -> Mapping[LogGroupKey, int]:
        """The groups of all accounts and regions whose events are not kept for ever, with their days."""
        columns = (log_groups.c.account, log_groups.c.region, log_groups.c.name, log_groups.c.retention_days)
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns).where(log_groups.c.retention_days.is_not(None)))
            return {LogGroupKey(row.account, row.region, row.name): row.retention_days for row in rows}

    def delete_events_before(self, key: LogGroupKey, at_ms: int) -> int:
        """Delete the events of a group that are earlier than a time; how many bytes they counted."""
        with self._database.reading() as connection:
            row = group_id(connection, key)
        return 0 if row is None else self._delete_before(at_ms, log_streams.c.group_id == row)

    def first_put_at_ms(self) -> int | None:
        """The time of the oldest event of streams that clients made."""
        put = (log_streams.c.job_id.is_(None), log_streams.c.stored_bytes > 0)
        with self._database.reading() as connection:
            first: int | None = connection.execute(
                select(func.min(log_streams.c.first_event_at_ms)).where(*put)
            ).scalar_one()
            return first

    def delete_put_events_before(self, at_ms: int) -> int:
        """Delete events of streams that clients made; how many bytes they counted."""
        return self._delete_before(at_ms, log_streams.c.job_id.is_(None))

    def _delete_before(self, at_ms: int, which: ColumnElement[bool]) -> int:
        old = (log_streams.c.stored_bytes > 0, log_streams.c.first_event_at_ms < at_ms)
        with self._database.reading() as connection:
            ids = connection.execute(select(log_streams.c.id).where(which, *old)).scalars().all()
        deleted = 0
        for stream in ids:  # a transaction each, so that no other writer waits long
            with self._database.writing() as connection:
                deleted += _delete_before(connection, LogStreamId(stream), at_ms)
        return deleted


def required_stream(connection: Connection, group: LogGroupKey, name: str) -> LogStream:
    """The stream of that name. Raises LogNotFound."""
    stream = find_stream(connection, group, name)
    if stream is None:
        _required_group(connection, group)
        raise LogNotFound("The specified log stream does not exist.")
    return stream


def _required_group(connection: Connection, key: LogGroupKey) -> int:
    row = group_id(connection, key)
    if row is None:
        raise LogNotFound("The specified log group does not exist.")
    return row


def _tags(connection: Connection, row: int) -> Tags:
    tags: Tags = connection.execute(select(log_groups.c.tags).where(log_groups.c.id == row)).scalar_one()
    return tags


def _delete_before(connection: Connection, stream: LogStreamId, at_ms: int) -> int:
    """Delete whole chunks, and the first events of the one that begins before the time and ends after it."""
    ours = log_chunks.c.stream_id == stream
    bytes_now = select(func.coalesce(func.sum(log_chunks.c.raw_bytes), 0)).where(ours)
    before = int(connection.execute(bytes_now).scalar_one())
    cut = connection.execute(
        select_chunks(stream).where(log_chunks.c.first_at_ms < at_ms, log_chunks.c.last_at_ms >= at_ms)
    ).one_or_none()
    connection.execute(delete(log_chunks).where(ours, log_chunks.c.first_at_ms < at_ms))
    if cut is not None:
        rest = pack(events_since(unpacked(cut), at_ms))
        connection.execute(insert(log_chunks), [{"stream_id": stream} | asdict(chunk) for chunk in rest])
    after = int(connection.execute(bytes_now).scalar_one())
    first = select(func.min(log_chunks.c.first_at_ms)).where(ours).scalar_subquery()
    connection.execute(
        update(log_streams)
        .where(log_streams.c.id == stream)
        .values(stored_bytes=after, first_event_at_ms=func.coalesce(first, log_streams.c.last_event_at_ms))
    )
    return before - after
