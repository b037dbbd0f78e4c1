"""LogStore on SQL: groups, streams, and chunks of events, with the cursor of each instance moved with them."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection, func, select, update

from processing_emulator.adapters.sql_store.job_tables import instances
from processing_emulator.adapters.sql_store.log_additions import (
    Addition,
    StreamMoved,
    apply,
    prepare,
    select_chunks,
    unpacked,
)
from processing_emulator.adapters.sql_store.log_chunks import Events, new_events, stored_events
from processing_emulator.adapters.sql_store.log_groups import SqlLogGroups, required_stream
from processing_emulator.adapters.sql_store.log_streams import (
    find_stream,
    group_id,
    insert_output_stream,
    list_groups,
    list_streams,
    output_stream,
    streams_between,
    streams_ingested_since,
)
from processing_emulator.adapters.sql_store.log_tables import log_chunks
from processing_emulator.domain.job import JobId
from processing_emulator.domain.log_events import LogEvent, StoredEvent, first_page
from processing_emulator.domain.log_names import LogGroupKey, LogStreamId
from processing_emulator.errors import JobNotFound, StaleJob
from processing_emulator.ports import LogGroup, LogStream, OutputBatch, StreamPage, StreamQuery

_CHUNKS_AT_ONCE = 8
"""Read in one statement; a page of a mebibyte has 16 sealed chunks or a few more unsealed ones."""


class SqlLogStore(SqlLogGroups):
    """Implements `ports.LogStore`."""

    def append_output(self, job_id: JobId, index: int, batch: OutputBatch) -> None:
        """Store events of an instance's output and move its cursor. Raises StaleJob, JobNotFound."""
        new = new_events(batch.events, batch.ingested_at_ms)
        _until_unmoved(lambda: self._append_output(job_id, index, batch, new))

    def put_events(self, group: LogGroupKey, name: str, events: Sequence[LogEvent], ingested_at_ms: int) -> None:
        """Store events of a client in a stream that exists. Raises LogNotFound."""
        if events:
            new = new_events(events, ingested_at_ms)
            _until_unmoved(lambda: self._put_events(group, name, new))

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
            select_chunks(stream)
            .where(log_chunks.c.last_at_ms >= at_ms)
            .order_by(log_chunks.c.last_at_ms, log_chunks.c.first_seq)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        events = unpacked(row)
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

    def streams_ingested_since(self, group: LogGroupKey, at_ms: int) -> Sequence[LogStream]:
        """All streams of which an event was stored at or after a moment."""
        with self._database.reading() as connection:
            return streams_ingested_since(connection, group, at_ms)

    def find_stream(self, group: LogGroupKey, name: str) -> LogStream | None:
        """The stream of exactly that name."""
        with self._database.reading() as connection:
            return find_stream(connection, group, name)

    def output_stream(self, job_id: JobId, index: int) -> LogStream | None:
        """The stream of an instance; None until it has printed something."""
        with self._database.reading() as connection:
            return output_stream(connection, job_id, index)

    def _append_output(self, job_id: JobId, index: int, batch: OutputBatch, new: Events) -> None:
        # Compressing needs no lock: if another writer appends meanwhile, the cursor or the stream has moved.
        with self._database.reading() as connection:
            _require_cursor(connection, job_id, index, batch)
            stream = output_stream(connection, job_id, index)
            addition = prepare(connection, stream, new) if new.messages else None
        self._write_output(job_id, index, batch, stream, addition)

    def _write_output(
        self, job_id: JobId, index: int, batch: OutputBatch, stream: LogStream | None, addition: Addition | None
    ) -> None:
        with self._database.writing() as connection:
            _move_cursor(connection, job_id, index, batch)
            if addition is not None:
                found = stream or insert_output_stream(connection, job_id, index, addition.new.at_ms[0])
                apply(connection, found, addition)

    def _put_events(self, group: LogGroupKey, name: str, new: Events) -> None:
        with self._database.reading() as connection:
            stream = required_stream(connection, group, name)
            addition = prepare(connection, stream, new)
        with self._database.writing() as connection:
            apply(connection, stream, addition)


def _until_unmoved(write: Callable[[], None]) -> None:
    """Write again from the start as long as another writer was faster, whose progress ends this."""
    while True:
        try:
            return write()
        except StreamMoved:
            continue


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


def _events_from(connection: Connection, stream: LogStreamId, seq: int) -> Iterator[StoredEvent]:
    """All events from a number on, read as far as the caller goes.

    Each statement starts at the number that comes next, because a writer may merge chunks between two statements.
    """
    first_seq = log_chunks.c.first_seq
    while True:
        before = select(func.max(first_seq)).where(log_chunks.c.stream_id == stream, first_seq <= seq)
        statement = select_chunks(stream).where(first_seq >= func.coalesce(before.scalar_subquery(), 0))
        rows = connection.execute(statement.order_by(first_seq).limit(_CHUNKS_AT_ONCE)).all()
        for row in rows:
            yield from stored_events(unpacked(row))[max(0, seq - row.first_seq) :]
        if len(rows) < _CHUNKS_AT_ONCE:
            return
        seq = rows[-1].first_seq + rows[-1].event_count


def _events_before(connection: Connection, stream: LogStreamId, seq: int) -> Iterator[StoredEvent]:
    """All events before a number, the last one first, read as far as the caller goes."""
    first_seq = log_chunks.c.first_seq
    while True:
        statement = select_chunks(stream).where(first_seq < seq)
        rows = connection.execute(statement.order_by(first_seq.desc()).limit(_CHUNKS_AT_ONCE)).all()
        for row in rows:
            yield from reversed(stored_events(unpacked(row))[: seq - row.first_seq])
        if len(rows) < _CHUNKS_AT_ONCE:
            return
        seq = rows[-1].first_seq
