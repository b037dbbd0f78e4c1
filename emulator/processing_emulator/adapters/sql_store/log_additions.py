"""Adds events to a stream: at its end, or between the stored ones by their times.

Events in order go into the last chunks. Earlier ones are merged with the chunks of their times, and the chunks behind
them are renumbered.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from processing_emulator.adapters.sql_store.log_chunks import (
    Chunk,
    ChunkSize,
    Events,
    joined,
    merge_from,
    merged_by_time,
    pack,
    unpack,
)
from processing_emulator.adapters.sql_store.log_tables import log_chunks, log_streams
from processing_emulator.domain.log_names import LogStreamId
from processing_emulator.ports import LogStream

_TAIL_CHUNKS = 16
"""The most chunks that can be unsealed at once: sizes double from an event's overhead to the sealed size."""


class StreamMoved(Exception):
    """Another writer has changed the stream since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """New chunks in the place of those with first_seq <= number < end_seq; chunks behind them move by `shift`."""

    first_seq: int
    end_seq: int
    shift: int
    chunks: Sequence[Chunk]
    new: Events


def prepare(connection: Connection, stream: LogStream | None, new: Events) -> Addition:
    """What it takes to add events, whose times do not go back, to a stream. Writes nothing."""
    if stream is None or stream.next_seq == 0:
        return _addition(0, 0, 0, new, new)
    if new.at_ms[0] >= stream.last_event_at_ms:
        tail = _read_tail(connection, stream.id, new.raw_bytes)
        first_seq = tail[0].first_seq if tail else stream.next_seq
        new = replace(new, first_seq=stream.next_seq)
        return _addition(first_seq, stream.next_seq, 0, joined([*tail, new]), new)
    replaced = _chunks_about(connection, stream.id, new.at_ms[0], new.at_ms[-1])
    if not replaced:  # the new events lie between two chunks
        first_seq = _first_seq_after(connection, stream, new.at_ms[-1])
        return _addition(first_seq, first_seq, len(new.messages), replace(new, first_seq=first_seq), new)
    first_seq, end_seq = replaced[0].first_seq, replaced[-1].first_seq + len(replaced[-1].messages)
    shift = 0 if end_seq == stream.next_seq else len(new.messages)
    return _addition(first_seq, end_seq, shift, merged_by_time(joined(replaced), new), new)


def apply(connection: Connection, stream: LogStream, addition: Addition) -> None:
    """Write it. Raises StreamMoved when the stream is not as it was when the addition was prepared."""
    _extend_stream(connection, stream, addition.new)
    ours = log_chunks.c.stream_id == stream.id
    if addition.first_seq < addition.end_seq:
        numbers = log_chunks.c.first_seq.between(addition.first_seq, addition.end_seq - 1)
        connection.execute(delete(log_chunks).where(ours, numbers))
    if addition.shift:
        _renumber(connection, stream.id, addition.end_seq, addition.shift)
    connection.execute(insert(log_chunks), [{"stream_id": stream.id} | asdict(chunk) for chunk in addition.chunks])


def unpacked(row: Row[tuple[int, int, bytes]]) -> Events:
    """From a row of `select_chunks`."""
    return unpack(row.first_seq, row.event_count, row.packed)


def select_chunks(stream: LogStreamId) -> Select[tuple[int, int, bytes]]:
    """The chunks of a stream, in no order."""
    columns = (log_chunks.c.first_seq, log_chunks.c.event_count, log_chunks.c.packed)
    return select(*columns).where(log_chunks.c.stream_id == stream)


def _addition(first_seq: int, end_seq: int, shift: int, events: Events, new: Events) -> Addition:
    return Addition(first_seq=first_seq, end_seq=end_seq, shift=shift, chunks=list(pack(events)), new=new)


def _renumber(connection: Connection, stream: LogStreamId, seq: int, shift: int) -> None:
    """Move numbers up in two steps, since each row's number must be free when it gets it."""
    number = log_chunks.c.first_seq
    for condition, value in ((number >= seq, -(number + shift)), (number < 0, -number)):
        connection.execute(
            update(log_chunks).where(log_chunks.c.stream_id == stream, condition).values(first_seq=value)
        )


def _extend_stream(connection: Connection, stream: LogStream, new: Events) -> None:
    is_first = stream.next_seq == 0
    statement = (
        update(log_streams)
        .where(log_streams.c.id == stream.id, log_streams.c.next_seq == stream.next_seq)
        .values(
            first_event_at_ms=new.at_ms[0] if is_first else min(stream.first_event_at_ms, new.at_ms[0]),
            last_event_at_ms=max(stream.last_event_at_ms, new.at_ms[-1]),
            last_ingested_at_ms=max(stream.last_ingested_at_ms, new.ingested_at_ms[-1]),
            stored_bytes=log_streams.c.stored_bytes + new.raw_bytes,
            next_seq=stream.next_seq + len(new.messages),
        )
    )
    if connection.execute(statement).rowcount == 0:
        raise StreamMoved


def _read_tail(connection: Connection, stream: LogStreamId, new_bytes: int) -> Sequence[Events]:
    """The last chunks that new events are merged with."""
    sizes = (
        select(log_chunks.c.first_seq, log_chunks.c.raw_bytes)
        .where(log_chunks.c.stream_id == stream)
        .order_by(log_chunks.c.first_seq.desc())
        .limit(_TAIL_CHUNKS)
    )
    tail = [ChunkSize(first_seq=row.first_seq, raw_bytes=row.raw_bytes) for row in connection.execute(sizes)]
    start = merge_from(tail, new_bytes)
    if start is None:
        return []
    merged = select_chunks(stream).where(log_chunks.c.first_seq >= start).order_by(log_chunks.c.first_seq)
    return [unpacked(row) for row in connection.execute(merged)]


def _chunks_about(connection: Connection, stream: LogStreamId, first_ms: int, last_ms: int) -> Sequence[Events]:
    """The chunks with an event that is later than the first and not later than the last of these times."""
    statement = (
        select_chunks(stream)
        .where(log_chunks.c.last_at_ms > first_ms, log_chunks.c.first_at_ms <= last_ms)
        .order_by(log_chunks.c.first_seq)
    )
    return [unpacked(row) for row in connection.execute(statement)]


def _first_seq_after(connection: Connection, stream: LogStream, at_ms: int) -> int:
    statement = (
        select(log_chunks.c.first_seq)
        .where(log_chunks.c.stream_id == stream.id, log_chunks.c.first_at_ms > at_ms)
        .order_by(log_chunks.c.first_seq)
        .limit(1)
    )
    found = connection.execute(statement).scalar_one_or_none()
    return stream.next_seq if found is None else found
