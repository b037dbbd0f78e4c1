"""LogStore on SQL: chunks of lines, and the cursor of each instance moved with them."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, not_, select, update

from processing_emulator.adapters.sql_store.chunks import (
    Chunk,
    ChunkSize,
    Lines,
    lines_between,
    merge_from,
    pack,
    raw_bytes_of,
    unpack,
)
from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.job_tables import instances
from processing_emulator.adapters.sql_store.log_streams import find_stream, first_stream, list_streams
from processing_emulator.adapters.sql_store.log_tables import log_chunks
from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.domain.log_events import LogLine
from processing_emulator.errors import JobNotFound, StaleJob
from processing_emulator.ports import LogStream, RawLine, StreamPage, StreamQuery

_TAIL_CHUNKS = 16
"""Most chunks that can be open at once: sizes double from a line's overhead to the sealed size."""


class SqlLogStore:
    """Implements `ports.LogStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, job_id: JobId, index: int, lines: Sequence[RawLine], cursor: LogCursor) -> None:
        """Store lines behind the last ones and move the cursor. Raises StaleJob, JobNotFound, InternalBug."""
        new = Lines(
            first_seq=cursor.next_seq - len(lines),
            stamps=[line.at_ns // 1_000_000 for line in lines],
            data=[line.data for line in lines],
        )
        # Compressing needs no lock: if somebody else appends meanwhile, the cursor has moved and `_store` refuses.
        grown = self._with_open_tail(job_id, index, new)
        self._store(job_id, index, new.first_seq, cursor, grown.first_seq, list(pack(grown)))

    def read(self, job_id: JobId, index: int, from_seq: int, limit: int) -> Sequence[LogLine]:
        """At most `limit` lines from `from_seq` on."""
        from_seq = max(0, from_seq)
        end_seq = from_seq + max(0, limit)
        holding = (
            select(func.max(log_chunks.c.first_seq))
            .where(_of_instance(job_id, index), log_chunks.c.first_seq <= from_seq)
            .scalar_subquery()
        )
        with self._database.reading() as connection:
            found = _read_chunks(
                connection,
                and_(_of_instance(job_id, index), log_chunks.c.first_seq >= holding, log_chunks.c.first_seq < end_seq),
            )
        return [line for chunk in found for line in lines_between(unpack(*chunk), from_seq, end_seq)]

    def find_since(self, job_id: JobId, index: int, at_ms: int) -> int | None:
        """The number of the first line stamped at or after a moment."""
        first = (
            select(func.min(log_chunks.c.first_seq))
            .where(_of_instance(job_id, index), log_chunks.c.max_at_ms >= at_ms)
            .scalar_subquery()
        )
        with self._database.reading() as connection:
            found = _read_chunks(connection, and_(_of_instance(job_id, index), log_chunks.c.first_seq == first))
        for chunk in found:
            lines = unpack(*chunk)
            return next(seq for seq, stamp in enumerate(lines.stamps, lines.first_seq) if stamp >= at_ms)
        return None

    def latest_before(self, job_id: JobId, index: int, seq: int) -> int:
        """The latest stamp of all lines before that number, 0 when there are none."""
        before = and_(_of_instance(job_id, index), log_chunks.c.first_seq < seq)
        is_whole = log_chunks.c.first_seq + log_chunks.c.line_count <= seq
        whole = select(func.max(log_chunks.c.max_at_ms)).where(before, is_whole)
        with self._database.reading() as connection:
            latest = connection.execute(whole).scalar_one() or 0
            rest = _read_chunks(connection, and_(before, not_(is_whole)))
        stamps = [stamp for chunk in rest for stamp in unpack(*chunk).stamps[: seq - chunk[0]]]
        return max([latest, *stamps])

    def list_streams(self, query: StreamQuery) -> StreamPage:
        """One page of streams, those of deleted jobs too."""
        with self._database.reading() as connection:
            return list_streams(connection, query)

    def find_stream(self, account: str, region: str, name: str) -> LogStream | None:
        """The stream of exactly that name."""
        with self._database.reading() as connection:
            return find_stream(connection, account, region, name)

    def first_stream(self, account: str, region: str) -> LogStream | None:
        """The stream of the first job that printed something."""
        with self._database.reading() as connection:
            return first_stream(connection, account, region)

    def _with_open_tail(self, job_id: JobId, index: int, new: Lines) -> Lines:
        """The new lines behind those of the stored chunks they are merged with. Raises as `append` does."""
        with self._database.reading() as connection:
            _require_cursor(connection, job_id, index, new.first_seq)
            start = merge_from(_read_tail(connection, job_id, index), raw_bytes_of(new.data)) if new.data else None
            if start is None:
                return new
            merged = _read_chunks(connection, and_(_of_instance(job_id, index), log_chunks.c.first_seq >= start))
        return _joined([*(unpack(*chunk) for chunk in merged), new])

    def _store(
        self, job_id: JobId, index: int, expected_seq: int, cursor: LogCursor, from_seq: int, chunks: Sequence[Chunk]
    ) -> None:
        """Move the cursor from `expected_seq`, and put the chunks in the place of all from `from_seq` on."""
        move = (
            update(instances)
            .where(
                instances.c.job_id == job_id,
                instances.c.instance_index == index,
                instances.c.cursor_next_seq == expected_seq,
            )
            .values(
                cursor_second=cursor.second,
                cursor_lines_in_second=cursor.lines_in_second,
                cursor_lines_in_newest=cursor.lines_in_newest,
                cursor_next_seq=cursor.next_seq,
            )
        )
        key = {"job_id": job_id, "instance_index": index}
        with self._database.writing() as connection:
            if connection.execute(move).rowcount == 0:
                _require_cursor(connection, job_id, index, expected_seq)
            if from_seq < expected_seq:
                connection.execute(
                    delete(log_chunks).where(_of_instance(job_id, index), log_chunks.c.first_seq >= from_seq)
                )
            if chunks:
                connection.execute(insert(log_chunks), [key | asdict(chunk) for chunk in chunks])


def _of_instance(job_id: JobId, index: int) -> ColumnElement[bool]:
    return and_(log_chunks.c.job_id == job_id, log_chunks.c.instance_index == index)


def _require_cursor(connection: Connection, job_id: JobId, index: int, expected_seq: int) -> None:
    statement = select(instances.c.cursor_next_seq).where(
        instances.c.job_id == job_id, instances.c.instance_index == index
    )
    stored = connection.execute(statement).scalar_one_or_none()
    if stored is None:
        raise JobNotFound(f"Job {job_id} has no instance with index {index}.")
    if stored != expected_seq:
        raise StaleJob(f"Instance {index} of job {job_id} has {stored} lines stored, not {expected_seq}.")


def _read_tail(connection: Connection, job_id: JobId, index: int) -> Sequence[ChunkSize]:
    statement = (
        select(log_chunks.c.first_seq, log_chunks.c.line_count, log_chunks.c.raw_bytes)
        .where(_of_instance(job_id, index))
        .order_by(log_chunks.c.first_seq.desc())
        .limit(_TAIL_CHUNKS)
    )
    return [
        ChunkSize(first_seq=row.first_seq, line_count=row.line_count, raw_bytes=row.raw_bytes)
        for row in connection.execute(statement)
    ]


def _read_chunks(connection: Connection, condition: ColumnElement[bool]) -> Sequence[tuple[int, int, bytes]]:
    statement = (
        select(log_chunks.c.first_seq, log_chunks.c.line_count, log_chunks.c.packed)
        .where(condition)
        .order_by(log_chunks.c.first_seq)
    )
    return [(row.first_seq, row.line_count, row.packed) for row in connection.execute(statement)]


def _joined(parts: Sequence[Lines]) -> Lines:
    return Lines(
        first_seq=parts[0].first_seq,
        stamps=[stamp for part in parts for stamp in part.stamps],
        data=[line for part in parts for line in part.data],
    )
