"""Log groups and streams as SQL."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, insert, or_, select

from processing_emulator.adapters.sql_store.job_tables import jobs
from processing_emulator.adapters.sql_store.log_tables import log_groups, log_streams
from processing_emulator.adapters.sql_store.rows import is_storable
from processing_emulator.domain.job import JobId
from processing_emulator.domain.log_names import (
    PROCESSING_JOBS_GROUP,
    LogGroupKey,
    LogStreamId,
    output_stream_name,
)
from processing_emulator.ports import LogGroup, LogStream, StreamPage, StreamQuery
from processing_emulator.ports.logs import STANDARD_CLASS, Tags

_LAST_CHARACTER = "\U0010ffff"

_STORED_BYTES = (
    select(func.coalesce(func.sum(log_streams.c.stored_bytes), 0))
    .where(log_streams.c.group_id == log_groups.c.id)
    .scalar_subquery()
)


def list_groups(connection: Connection, account: str, region: str) -> Sequence[LogGroup]:
    """See `ports.LogStore`."""
    statement = (
        select(log_groups, _STORED_BYTES.label("stored_bytes"))
        .where(log_groups.c.account == account, log_groups.c.region == region)
        .order_by(log_groups.c.name)
    )
    return [_group_of(row) for row in connection.execute(statement)]


def group_id(connection: Connection, key: LogGroupKey) -> int | None:
    """The row of a group; None when there is none."""
    if not is_storable(key.name):
        return None
    return connection.execute(select(log_groups.c.id).where(_is_group(key))).scalar_one_or_none()


def list_streams(connection: Connection, query: StreamQuery) -> StreamPage:
    """See `ports.LogStore`."""
    if query.limit < 1 or not is_storable(query.group.name + query.prefix):
        return StreamPage(streams=(), last=None)
    order = [log_streams.c.last_event_at_ms, log_streams.c.name] if query.by_time else [log_streams.c.name]
    statement = (
        _streams_of(query.group)
        .where(*_filters(query))
        .order_by(*(column.desc() if query.descending else column.asc() for column in order))
        .limit(query.limit + 1)
    )
    rows = connection.execute(statement).all()
    page = [_stream_of(row) for row in rows[: query.limit]]
    last = (page[-1].last_event_at_ms if query.by_time else 0, page[-1].name) if len(rows) > len(page) else None
    return StreamPage(streams=tuple(page), last=last)


def streams_between(
    connection: Connection, group: LogGroupKey, prefix: str, start_ms: int, end_ms: int | None
) -> Sequence[LogStream]:
    """See `ports.LogStore`."""
    if not is_storable(group.name + prefix):
        return []
    statement = _streams_of(group).where(log_streams.c.next_seq > 0, log_streams.c.last_event_at_ms >= start_ms)
    if end_ms is not None:
        statement = statement.where(log_streams.c.first_event_at_ms < end_ms)
    if prefix:
        statement = statement.where(_begins_with(prefix))
    return [_stream_of(row) for row in connection.execute(statement)]


def streams_ingested_since(connection: Connection, group: LogGroupKey, at_ms: int) -> Sequence[LogStream]:
    """See `ports.LogStore`."""
    if not is_storable(group.name):
        return []
    recent = (log_streams.c.next_seq > 0, log_streams.c.last_ingested_at_ms >= at_ms)
    return [_stream_of(row) for row in connection.execute(_streams_of(group).where(*recent))]


def find_stream(connection: Connection, group: LogGroupKey, name: str) -> LogStream | None:
    """See `ports.LogStore`."""
    if not is_storable(group.name + name):
        return None
    row = connection.execute(_streams_of(group).where(log_streams.c.name == name)).one_or_none()
    return None if row is None else _stream_of(row)


def output_stream(connection: Connection, job_id: JobId, index: int) -> LogStream | None:
    """See `ports.LogStore`."""
    statement = select(log_streams).where(log_streams.c.job_id == job_id, log_streams.c.instance_index == index)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _stream_of(row)


def insert_output_stream(connection: Connection, job_id: JobId, index: int, at_ms: int) -> LogStream:
    """Add the stream of an instance whose first event has that time, and its group if there is none yet."""
    started_ms = func.coalesce(jobs.c.started_at_ms, jobs.c.created_at_ms).label("started_ms")
    columns = (jobs.c.account, jobs.c.region, jobs.c.name, started_ms)
    job = connection.execute(select(*columns).where(jobs.c.id == job_id)).one()
    group = _ensure_group(connection, LogGroupKey(job.account, job.region, PROCESSING_JOBS_GROUP), at_ms)
    # A deleted job may have had the same name in the same second.
    names = (output_stream_name(job.name, index, second) for second in count(job.started_ms // 1000))
    name = next(name for name in names if not is_stream(connection, group, name))
    return insert_stream(connection, group, name, at_ms, job_id=job_id, instance_index=index)


def insert_stream(connection: Connection, group: int, name: str, at_ms: int, **instance: int) -> LogStream:
    """Add a stream without events; `instance` is empty, or the job and index whose output it is."""
    values = {
        "group_id": group,
        "name": name,
        "created_at_ms": at_ms,
        "first_event_at_ms": 0,
        "last_event_at_ms": 0,
        "last_ingested_at_ms": 0,
        "stored_bytes": 0,
        "next_seq": 0,
        **instance,
    }
    return _stream_of(connection.execute(insert(log_streams).values(values).returning(log_streams)).one())


def insert_group(connection: Connection, key: LogGroupKey, at_ms: int, log_class: str, tags: Tags) -> int:
    """Add a group; its row."""
    values = {
        "account": key.account,
        "region": key.region,
        "name": key.name,
        "created_at_ms": at_ms,
        "log_class": log_class,
        "tags": dict(tags),
    }
    added: int = connection.execute(insert(log_groups).values(values).returning(log_groups.c.id)).scalar_one()
    return added


def is_stream(connection: Connection, group: int, name: str) -> bool:
    """Whether the group of that row has a stream of that name."""
    return bool(connection.execute(select(_is_taken(group, name))).scalar_one())


def _ensure_group(connection: Connection, key: LogGroupKey, created_at_ms: int) -> int:
    found = group_id(connection, key)
    return insert_group(connection, key, created_at_ms, STANDARD_CLASS, {}) if found is None else found


def _is_taken(group: int, name: str) -> ColumnElement[bool]:
    return exists().where(log_streams.c.group_id == group, log_streams.c.name == name)


def _is_group(key: LogGroupKey) -> ColumnElement[bool]:
    return and_(log_groups.c.account == key.account, log_groups.c.region == key.region, log_groups.c.name == key.name)


def _streams_of(group: LogGroupKey) -> Select[Any]:
    return select(log_streams).join_from(log_streams, log_groups).where(_is_group(group))


def _filters(query: StreamQuery) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if query.prefix:
        filters.append(_begins_with(query.prefix))
    if query.after is not None:
        filters.append(_is_after(*query.after, query=query))
    return filters


def _begins_with(prefix: str) -> ColumnElement[bool]:
    return and_(log_streams.c.name >= prefix, log_streams.c.name <= prefix + _LAST_CHARACTER)


def _is_after(at_ms: int, name: str, *, query: StreamQuery) -> ColumnElement[bool]:
    names, times = log_streams.c.name, log_streams.c.last_event_at_ms
    is_after = names < name if query.descending else names > name
    if not query.by_time:
        return is_after
    is_later = times < at_ms if query.descending else times > at_ms
    return or_(is_later, and_(times == at_ms, is_after))


def _group_of(row: Row[Any]) -> LogGroup:
    """From a row of `log_groups` with the bytes of its streams."""
    return LogGroup(
        key=LogGroupKey(row.account, row.region, row.name),
        created_at_ms=row.created_at_ms,
        stored_bytes=int(row.stored_bytes),
        retention_days=row.retention_days,
        log_class=row.log_class,
    )


def _stream_of(row: Row[Any]) -> LogStream:
    """From a row of `log_streams`."""
    return LogStream(
        id=LogStreamId(row.id),
        name=row.name,
        created_at_ms=row.created_at_ms,
        first_event_at_ms=row.first_event_at_ms,
        last_event_at_ms=row.last_event_at_ms,
        last_ingested_at_ms=row.last_ingested_at_ms,
        stored_bytes=row.stored_bytes,
        next_seq=row.next_seq,
    )
