"""Log streams as SQL: an instance that has printed is a stream, whether its job is still listed or was deleted."""

import re
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, String, and_, cast, func, literal, or_, select

from processing_emulator.adapters.sql_store.job_tables import instances, jobs
from processing_emulator.adapters.sql_store.log_tables import log_chunks
from processing_emulator.adapters.sql_store.rows import is_storable
from processing_emulator.domain.job import JobId
from processing_emulator.domain.phase import JobPhase
from processing_emulator.ports import LogStream, StreamPage, StreamQuery

_NAME = re.compile(r"([^/]+)/algo-[1-9][0-9]{0,8}-[0-9]{1,18}")

_AFTER_ALL_NAMES = "\x7f"
"""Sorts behind all characters of job names."""

_STARTED_MS = func.coalesce(jobs.c.started_at_ms, jobs.c.created_at_ms)
_stream_name: ColumnElement[str] = (
    jobs.c.name
    + literal("/algo-")
    + cast(instances.c.instance_index + 1, String)
    + literal("-")
    + cast(_STARTED_MS // 1000, String)
)
_CHUNKS = and_(log_chunks.c.job_id == instances.c.job_id, log_chunks.c.instance_index == instances.c.instance_index)
_earliest_ms = select(func.min(log_chunks.c.min_at_ms)).where(_CHUNKS).correlate(instances).scalar_subquery()
_latest_ms: ColumnElement[int] = (
    select(func.max(log_chunks.c.max_at_ms)).where(_CHUNKS).correlate(instances).scalar_subquery()
)


def list_streams(connection: Connection, query: StreamQuery) -> StreamPage:
    """See `ports.LogStore`."""
    if query.limit < 1 or not is_storable(query.prefix):
        return StreamPage(streams=(), last=None)
    statement = _streams(query.account, query.region).where(*_filters(query))
    time, name = statement.selected_columns.last_at_ms, statement.selected_columns.stream_name
    order = [time, name] if query.by_time else [name]
    statement = statement.order_by(*(column.desc() if query.descending else column.asc() for column in order))
    rows = connection.execute(statement.limit(query.limit + 1)).all()
    page = [_stream_of(row) for row in rows[: query.limit]]
    last = (page[-1].last_at_ms if query.by_time else 0, page[-1].name) if len(rows) > len(page) else None
    return StreamPage(streams=tuple(page), last=last)


def find_stream(connection: Connection, account: str, region: str, name: str) -> LogStream | None:
    """See `ports.LogStore`. Of two jobs that had their name within one second, the later one counts."""
    match = _NAME.fullmatch(name)
    if match is None or not is_storable(name):
        return None
    statement = _streams(account, region).where(jobs.c.name == match[1], _stream_name == name)
    row = connection.execute(statement.order_by(jobs.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _stream_of(row)


def first_stream(connection: Connection, account: str, region: str) -> LogStream | None:
    """See `ports.LogStore`."""
    statement = _streams(account, region).order_by(jobs.c.id, instances.c.instance_index).limit(1)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _stream_of(row)


def _streams(account: str, region: str) -> Select[Any]:
    return (
        select(
            jobs.c.id,
            jobs.c.phase,
            instances.c.instance_index,
            instances.c.cursor_next_seq,
            _stream_name.label("stream_name"),
            _earliest_ms.label("first_at_ms"),
            _latest_ms.label("last_at_ms"),
        )
        .join_from(jobs, instances, instances.c.job_id == jobs.c.id)
        .where(jobs.c.account == account, jobs.c.region == region, instances.c.cursor_next_seq > 0)
    )


def _filters(query: StreamQuery) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if query.prefix:
        # The job's name alone lets an index find the few that may match.
        job, slash, _ = query.prefix.partition("/")
        filters.append(jobs.c.name == job if slash else jobs.c.name.between(job, job + _AFTER_ALL_NAMES))
        filters.append(func.substr(_stream_name, 1, len(query.prefix)) == query.prefix)
    if query.after is not None:
        filters.append(_beyond(*query.after, query=query))
    return filters


def _beyond(at_ms: int, name: str, *, query: StreamQuery) -> ColumnElement[bool]:
    is_beyond = _stream_name < name if query.descending else _stream_name > name
    if not query.by_time:
        return is_beyond
    is_later = _latest_ms < at_ms if query.descending else _latest_ms > at_ms
    return or_(is_later, and_(_latest_ms == at_ms, is_beyond))


def _stream_of(row: Row[Any]) -> LogStream:
    return LogStream(
        job_id=JobId(row.id),
        index=row.instance_index,
        name=row.stream_name,
        lines=row.cursor_next_seq,
        first_at_ms=row.first_at_ms,
        last_at_ms=row.last_at_ms,
        ended=JobPhase(row.phase).is_terminal,
    )
