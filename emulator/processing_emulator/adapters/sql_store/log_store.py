"""LogStore on SQL: groups, streams, and chunks of events, with the cursor of each instance moved with them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.job_tables import instances
from processing_emulator.adapters.sql_store.log_chunks import (
    ChunkSize,
    Events,
    joined,
    merge_from,
    new_events,
    pack,
    stored_events,
    unpack,
)
from processing_emulator.adapters.sql_store.log_streams import (
    find_stream,
    group_id,
    insert_output_stream,
    list_groups,
    list_streams,
    output_stream,
    streams_between,
)
from processing_emulator.adapters.sql_store.log_tables import log_chunks, log_streams
from processing_emulator.domain.job import JobId
from processing_emulator.domain.log_events import StoredEvent, first_page
from processing_emulator.domain.log_names import LogGroupKey, LogStreamId
from processing_emulator.errors import JobNotFound, StaleJob
from processing_emulator.ports import LogGroup, LogStream, OutputBatch, StreamPage, StreamQuery

_TAIL_CHUNKS = 16
"""The most chunks that can be unsealed at once: sizes double from an event's overhead to the sealed size."""

_CHUNKS_AT_ONCE = 8
"""Read in one statement; a page of a mebibyte has 16 sealed chunks or a few more unsealed ones."""


@dataclass(frozen=True, slots=True)
class _Tail:
    """The end of a stream, and the last chunks that new events are merged with."""

    stream: LogStream | None
    merged: Sequence[Events]

    @property
    def next_seq(self) -> int:
        return 0 if self.stream is None else self.stream.next_seq


class SqlLogStore:
    """Implements `ports.LogStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append_output(self, job_id: JobId, index: int, batch: OutputBatch) -> None:
        """Store events of an instance's output and move its cursor. Raises StaleJob, JobNotFound."""
        new = new_events(batch.events, batch.ingested_at_ms)
        # Compressing needs no lock: if another writer appends meanwhile, the cursor has moved and `_store` refuses.
        with self._database.reading() as connection:
            _require_cursor(connection, job_id, index, batch)
            tail = _read_tail(connection, job_id, index, new.raw_bytes)
        self._store(job_id, index, batch, tail, replace(new, first_seq=tail.next_seq))

    def read(
        self, stream: LogStreamId, seq: int, *, forward: bool, limit: int, most_bytes: int
    ) -> Sequence[StoredEvent]:
        """A page of events in order: those from `seq` on, or the last ones before it."""
        with self._database.reading() as connection:
            if forward:
                return first_page(_events_from(connection, stream, seq), max(0, limit), most_bytes)
            return first_page(_events_before(connection, stream, seq), max(0, limit), most_bytes)[::-1]

    def find_time(self, stream: LogStreamId, at_ms: int) -> int | None:
        """The number of the first event at or after a time."""
        statement = (
            _select_chunks(stream)
            .where(log_chunks.c.last_at_ms >= at_ms)
            .order_by(log_chunks.c.last_at_ms, log_chunks.c.first_seq)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        events = _unpacked(row)
        return next(seq for seq, event_ms in enumerate(events.at_ms, events.first_seq) if event_ms >= at_ms)

    def list_groups(self, account: str, region: str) -> Sequence[LogGroup]:
        """The groups of an account and region, by name."""
        with self._database.reading() as connection:
            return list_groups(connection, account, region)

    def has_group(self, key: LogGroupKey) -> bool:
        """Whether there is such a group."""
        with self._database.reading() as connection:
            return group_id(connection, key) is not None

    def list_streams(self, query: StreamQuery) -> StreamPage:
        """One page of streams, including those of deleted jobs."""
        with self._database.reading() as connection:
            return list_streams(connection, query)

    def streams_between(
        self, group: LogGroupKey, prefix: str, start_ms: int, end_ms: int | None
    ) -> Sequence[LogStream]:
        """All streams of that prefix with events about these times."""
        with self._database.reading() as connection:
            return streams_between(connection, group, prefix, start_ms, end_ms)

    def find_stream(self, group: LogGroupKey, name: str) -> LogStream | None:
        """The stream of exactly that name."""
        with self._database.reading() as connection:
            return find_stream(connection, group, name)

    def output_stream(self, job_id: JobId, index: int) -> LogStream | None:
        """The stream of an instance; None until it has printed something."""
        with self._database.reading() as connection:
            return output_stream(connection, job_id, index)

    def _store(self, job_id: JobId, index: int, batch: OutputBatch, tail: _Tail, new: Events) -> None:
        """Move the cursor, and put the new chunks in the place of those merged."""
        chunks = list(pack(joined([*tail.merged, new])))
        with self._database.writing() as connection:
            _move_cursor(connection, job_id, index, batch)
            if not chunks:
                return
            stream = tail.stream or insert_output_stream(connection, job_id, index, new.at_ms[0])
            _extend_stream(connection, stream, new)
            if tail.merged:
                replaced = (log_chunks.c.stream_id == stream.id, log_chunks.c.first_seq >= tail.merged[0].first_seq)
                connection.execute(delete(log_chunks).where(*replaced))
            connection.execute(insert(log_chunks), [{"stream_id": stream.id} | asdict(chunk) for chunk in chunks])


def _require_cursor(connection: Connection, job_id: JobId, index: int, batch: OutputBatch) -> None:
    statement = select(instances.c.cursor_lines).where(
        instances.c.job_id == job_id, instances.c.instance_index == index
    )
    stored = connection.execute(statement).scalar_one_or_none()
    if stored is None:
        raise JobNotFound(f"Job {job_id} has no instance with index {index}.")
    if stored != batch.read_from.lines:
        raise StaleJob(f"Instance {index} of job {job_id} has {stored} lines stored, not {batch.read_from.lines}.")


def _move_cursor(connection: Connection, job_id: JobId, index: int, batch: OutputBatch) -> None:
    statement = (
        update(instances)
        .where(
            instances.c.job_id == job_id,
            instances.c.instance_index == index,
            instances.c.cursor_lines == batch.read_from.lines,
        )
        .values(
            cursor_newest_ns=batch.read_to.newest_ns,
            cursor_lines_in_second=batch.read_to.lines_in_second,
            cursor_lines_in_newest=batch.read_to.lines_in_newest,
            cursor_lines=batch.read_to.lines,
        )
    )
    if connection.execute(statement).rowcount == 0:
        _require_cursor(connection, job_id, index, batch)


def _extend_stream(connection: Connection, stream: LogStream, new: Events) -> None:
    statement = (
        update(log_streams)
        .where(log_streams.c.id == stream.id, log_streams.c.next_seq == new.first_seq)
        .values(
            last_event_at_ms=new.at_ms[-1],
            last_ingested_at_ms=new.ingested_at_ms[-1],
            stored_bytes=log_streams.c.stored_bytes + new.raw_bytes,
            next_seq=new.first_seq + len(new.messages),
        )
    )
    if connection.execute(statement).rowcount == 0:
        raise StaleJob(f"Another writer has extended the log stream {stream.name}.")


def _read_tail(connection: Connection, job_id: JobId, index: int, new_bytes: int) -> _Tail:
    stream = output_stream(connection, job_id, index)
    if stream is None or not new_bytes:
        return _Tail(stream, [])
    sizes = (
        select(log_chunks.c.first_seq, log_chunks.c.raw_bytes)
        .where(log_chunks.c.stream_id == stream.id)
        .order_by(log_chunks.c.first_seq.desc())
        .limit(_TAIL_CHUNKS)
    )
    tail = [ChunkSize(first_seq=row.first_seq, raw_bytes=row.raw_bytes) for row in connection.execute(sizes)]
    start = merge_from(tail, new_bytes)
    if start is None:
        return _Tail(stream, [])
    merged = _select_chunks(stream.id).where(log_chunks.c.first_seq >= start).order_by(log_chunks.c.first_seq)
    return _Tail(stream, [_unpacked(row) for row in connection.execute(merged)])


def _events_from(connection: Connection, stream: LogStreamId, seq: int) -> Iterator[StoredEvent]:
    """All events from a number on, read as far as the caller goes.

    Each statement starts at the number that comes next, because a writer may merge chunks between two statements.
    """
    first_seq = log_chunks.c.first_seq
    while True:
        before = select(func.max(first_seq)).where(log_chunks.c.stream_id == stream, first_seq <= seq)
        statement = _select_chunks(stream).where(first_seq >= func.coalesce(before.scalar_subquery(), 0))
        rows = connection.execute(statement.order_by(first_seq).limit(_CHUNKS_AT_ONCE)).all()
        for row in rows:
            yield from stored_events(_unpacked(row))[max(0, seq - row.first_seq) :]
        if len(rows) < _CHUNKS_AT_ONCE:
            return
        seq = rows[-1].first_seq + rows[-1].event_count


def _events_before(connection: Connection, stream: LogStreamId, seq: int) -> Iterator[StoredEvent]:
    """All events before a number, the last one first, read as far as the caller goes."""
    first_seq = log_chunks.c.first_seq
    while True:
        statement = _select_chunks(stream).where(first_seq < seq)
        rows = connection.execute(statement.order_by(first_seq.desc()).limit(_CHUNKS_AT_ONCE)).all()
        for row in rows:
            yield from reversed(stored_events(_unpacked(row))[: seq - row.first_seq])
        if len(rows) < _CHUNKS_AT_ONCE:
            return
        seq = rows[-1].first_seq


def _unpacked(row: Row[tuple[int, int, bytes]]) -> Events:
    return unpack(row.first_seq, row.event_count, row.packed)


def _select_chunks(stream: LogStreamId) -> Select[tuple[int, int, bytes]]:
    columns = (log_chunks.c.first_seq, log_chunks.c.event_count, log_chunks.c.packed)
    return select(*columns).where(log_chunks.c.stream_id == stream)
