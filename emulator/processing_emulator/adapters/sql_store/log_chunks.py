"""Events packed into rows: how chunks are cut, merged, written and read back. Pure."""

import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise
from operator import sub

from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, LogEvent, StoredEvent

SEALED_BYTES = 64 * 1024
"""A chunk of this raw size is never written again."""

_LEVEL = 1
"""zlib's fastest level: output of programs shrinks about eightfold, and little more with effort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Consecutive events, column by column: the number of the first one, times in milliseconds, messages in UTF-8."""

    first_seq: int
    at_ms: Sequence[int]
    ingested_at_ms: Sequence[int]
    messages: Sequence[bytes]

    @property
    def raw_bytes(self) -> int:
        """How much these events fill a chunk: what the service counts for them."""
        return sum(map(len, self.messages)) + EVENT_OVERHEAD_BYTES * len(self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSize:
    """A stored chunk without its events."""

    first_seq: int
    raw_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One row: consecutive events, packed, with their numbers and times."""

    first_seq: int
    event_count: int
    first_at_ms: int
    last_at_ms: int
    raw_bytes: int
    packed: bytes


def new_events(events: Sequence[LogEvent], ingested_at_ms: int) -> Events:
    """Events that are to be stored; their numbers are not known yet."""
    return Events(
        first_seq=0,
        at_ms=[event.at_ms for event in events],
        ingested_at_ms=[ingested_at_ms] * len(events),
        messages=[event.message.encode() for event in events],
    )


def joined(parts: Sequence[Events]) -> Events:
    """Consecutive events as one."""
    return Events(
        first_seq=parts[0].first_seq,
        at_ms=[at_ms for part in parts for at_ms in part.at_ms],
        ingested_at_ms=[at_ms for part in parts for at_ms in part.ingested_at_ms],
        messages=[message for part in parts for message in part.messages],
    )


def merged_by_time(stored: Events, new: Events) -> Events:
    """All events in the order of their times; of the same time, those stored come first."""
    both = joined([stored, new])
    order = sorted(range(len(both.messages)), key=both.at_ms.__getitem__)
    return Events(
        first_seq=both.first_seq,
        at_ms=[both.at_ms[position] for position in order],
        ingested_at_ms=[both.ingested_at_ms[position] for position in order],
        messages=[both.messages[position] for position in order],
    )


def events_since(events: Events, at_ms: int) -> Events:
    """Those that are not earlier than a time."""
    start = bisect_left(events.at_ms, at_ms)
    return Events(
        first_seq=events.first_seq + start,
        at_ms=events.at_ms[start:],
        ingested_at_ms=events.ingested_at_ms[start:],
        messages=events.messages[start:],
    )


def merge_from(tail: Sequence[ChunkSize], new_bytes: int) -> int | None:
    """The first seq of the stored chunks that new events are merged with; None when there is none.

    `tail` goes from the last chunk backwards. A chunk is merged when it is not sealed and not larger than everything
    after it. So sizes at least double towards the front: a program that prints single lines leaves few rows, and
    each event is written again once per doubling, not once per event that follows it.
    """
    start = None
    size = new_bytes
    for chunk in tail:
        if chunk.raw_bytes >= SEALED_BYTES or chunk.raw_bytes > size:
            break
        start = chunk.first_seq
        size += chunk.raw_bytes
    return start


def pack(events: Events) -> Iterator[Chunk]:
    """Cut events into chunks; all but the last one are sealed."""
    for start, end in pairwise(_edges(events.messages)):
        yield _pack_one(
            Events(
                first_seq=events.first_seq + start,
                at_ms=events.at_ms[start:end],
                ingested_at_ms=events.ingested_at_ms[start:end],
                messages=events.messages[start:end],
            )
        )


def _edges(messages: Sequence[bytes]) -> Sequence[int]:
    edges = [0]
    size = 0
    for position, message in enumerate(messages, start=1):
        size += len(message) + EVENT_OVERHEAD_BYTES
        if size >= SEALED_BYTES:
            edges.append(position)
            size = 0
    if edges[-1] < len(messages):
        edges.append(len(messages))
    return edges


def _pack_one(events: Events) -> Chunk:
    # Times lie close together: as differences they are mostly zeros, which compress to next to nothing.
    columns = (
        *_steps(events.at_ms),
        *_steps(events.ingested_at_ms),
        *map(len, events.messages),
    )
    return Chunk(
        first_seq=events.first_seq,
        event_count=len(events.messages),
        first_at_ms=events.at_ms[0],
        last_at_ms=events.at_ms[-1],
        raw_bytes=events.raw_bytes,
        packed=zlib.compress(struct.pack(_format(len(events.messages)), *columns) + b"".join(events.messages), _LEVEL),
    )


def _format(event_count: int) -> str:
    """Two times and a length for each event, column by column."""
    return f"<{2 * event_count}q{event_count}I"


def _steps(values: Sequence[int]) -> Sequence[int]:
    return [values[0], *map(sub, values[1:], values)]


def unpack(first_seq: int, event_count: int, packed: bytes) -> Events:
    """The events of a chunk."""
    raw = zlib.decompress(packed)
    columns = struct.unpack_from(_format(event_count), raw)
    edges = accumulate(columns[2 * event_count :], initial=struct.calcsize(_format(event_count)))
    return Events(
        first_seq=first_seq,
        at_ms=list(accumulate(columns[:event_count])),
        ingested_at_ms=list(accumulate(columns[event_count : 2 * event_count])),
        messages=[raw[start:end] for start, end in pairwise(edges)],
    )


def stored_events(events: Events) -> list[StoredEvent]:
    """The events one by one."""
    messages = [message.decode() for message in events.messages]
    return list(map(StoredEvent, count(events.first_seq), events.at_ms, events.ingested_at_ms, messages))
