"""Lists of jobs as SQL: filters, an index for each order of ListProcessingJobs, and pages that continue each other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import dropwhile, product
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, and_, func, select

from processing_emulator.adapters.sql_store.job_tables import job_requests, jobs
from processing_emulator.adapters.sql_store.rows import is_storable, job_of
from processing_emulator.adapters.sql_store.timestamps import to_ms, to_ms_ceiling
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus, status_of
from processing_emulator.ports import JobPage, JobPosition, JobQuery, SortBy

SELECT_JOB = select(jobs, job_requests.c.request).join_from(jobs, job_requests)
"""Everything that `rows.job_of` needs."""

UNFINISHED = sorted(
    {status_of(phase, stop_requested=stop) for phase, stop in product(JobPhase, (False, True)) if not phase.is_terminal}
)
"""The statuses of all jobs that have not ended, and of no others."""

IS_UNFINISHED = and_(jobs.c.status.in_(UNFINISHED), jobs.c.deleted_at_ms.is_(None))
"""The second half changes nothing, because no job is deleted before it has ended; it lets the index be used."""

SELECT_UNFINISHED = SELECT_JOB.where(IS_UNFINISHED).order_by(jobs.c.id)

_SORT_COLUMNS: dict[SortBy, Sequence[Column[Any]]] = {
    SortBy.NAME: (jobs.c.name, jobs.c.id),
    SortBy.CREATION_TIME: (jobs.c.created_at_ms, jobs.c.id),
    SortBy.STATUS: (jobs.c.status, jobs.c.created_at_ms, jobs.c.id),
    SortBy.ID: (jobs.c.id,),
}


def read_page(connection: Connection, query: JobQuery) -> JobPage:
    """One page, and where the next one starts."""
    if query.limit < 1 or not is_storable(query.name_contains or ""):
        return JobPage(jobs=(), last=None)
    rows: list[Row[Any]] = []
    for statement in page_statements(query):
        rows += connection.execute(statement.limit(query.limit + 1 - len(rows)))
        if len(rows) > query.limit:
            break
    page = rows[: query.limit]
    return JobPage(
        jobs=tuple(job_of(row) for row in page),
        last=_position(page[-1], query.sort_by) if len(rows) > len(page) else None,
    )


def page_statements(query: JobQuery) -> Iterator[Select[Any]]:
    """What to read, in turn, until the page is full.

    After a job come those with the same sort value and a greater id, then those with a greater sort value. These are
    two statements, because SQLite would walk all rows that share the value if it compared pairs. In the order of
    statuses, each status is listed separately.
    """
    if query.sort_by is SortBy.STATUS:
        for part in _parts_by_status(query):
            yield from page_statements(part)
        return
    columns = _SORT_COLUMNS[query.sort_by]
    statement = SELECT_JOB.where(*_filters(query)).order_by(*_order(columns, descending=query.descending))
    match query.after:
        case None:
            yield statement
        case (last_id,):
            yield statement.where(_beyond(jobs.c.id, last_id, descending=query.descending))
        case (value, last_id):
            yield statement.where(columns[0] == value, _beyond(jobs.c.id, last_id, descending=query.descending))
            yield statement.where(_beyond(columns[0], value, descending=query.descending))


def _parts_by_status(query: JobQuery) -> Iterator[JobQuery]:
    """A list by creation for each status, from the one in which the last page ended."""
    statuses = sorted(ProcessingJobStatus if query.status is None else [query.status], reverse=query.descending)
    ended_in, *behind = query.after or statuses[:1]
    for status in dropwhile(lambda each: each != ended_in, statuses):
        after = tuple(behind) if behind and status == ended_in else None
        yield replace(query, sort_by=SortBy.CREATION_TIME, status=status, after=after)


def _order(columns: Sequence[Column[Any]], *, descending: bool) -> Sequence[ColumnElement[Any]]:
    return [column.desc() if descending else column.asc() for column in columns]


def _beyond(column: Column[Any], value: str | int, *, descending: bool) -> ColumnElement[bool]:
    return column < value if descending else column > value


def _filters(query: JobQuery) -> Iterator[ColumnElement[bool]]:
    yield jobs.c.deleted_at_ms.is_(None)
    if query.account is not None:
        yield jobs.c.account == query.account
    if query.region is not None:
        yield jobs.c.region == query.region
    if query.status is not None:
        yield jobs.c.status == query.status.value
    # Both bounds are exclusive; a stored moment is a whole millisecond, a bound need not be.
    if query.created_after is not None:
        yield jobs.c.created_at_ms > to_ms(query.created_after)
    if query.created_before is not None:
        yield jobs.c.created_at_ms < to_ms_ceiling(query.created_before)
    if query.modified_after is not None:
        yield jobs.c.modified_at_ms > to_ms(query.modified_after)
    if query.modified_before is not None:
        yield jobs.c.modified_at_ms < to_ms_ceiling(query.modified_before)
    if query.name_contains:
        # LIKE would ignore case on SQLite, and databases disagree on the name of a function that finds a substring.
        yield func.replace(jobs.c.name, query.name_contains, "") != jobs.c.name


def _position(row: Row[Any], sort_by: SortBy) -> JobPosition:
    return tuple(getattr(row, column.name) for column in _SORT_COLUMNS[sort_by])
