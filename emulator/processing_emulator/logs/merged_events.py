"""The events of several streams in the order of their times, read no further than they are taken."""

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.domain.log_names import LogStreamId
from processing_emulator.logs.places import Place, StreamPlaces
from processing_emulator.ports import LogStore, LogStream

_READ_EVENTS, _READ_BYTES = 2000, 512 * 1024
"""What is read of a stream at once."""


class MergedPlace(NamedTuple):
    """The place of an event among those of several streams: by time, then stream, then order within the stream."""

    at_ms: int
    stream: LogStreamId
    nth: int


class MergedEvent(NamedTuple):
    """An event, its stream, and how many events of that stream with the same time come before it."""

    stream: LogStream
    event: StoredEvent
    nth: int

    @property
    def place(self) -> MergedPlace:
        """Where it lies."""
        return MergedPlace(self.event.at_ms, self.stream.id, self.nth)


class TimeRange(NamedTuple):
    """start_ms <= at_ms < end_ms; `after` is the last event of what was read before, in the same direction."""

    start_ms: int
    end_ms: int | None
    forward: bool
    after: MergedPlace | None = None


def merged_events(logs: LogStore, streams: Sequence[LogStream], times: TimeRange) -> Iterator[MergedEvent]:
    """The events of these streams within the times; a stream is opened when its turn may have come."""
    sign = 1 if times.forward else -1
    waiting = sorted(((_edge(stream, times) * sign, stream.id, stream) for stream in streams), reverse=True)
    heap: list[tuple[int, int, MergedEvent, Iterator[MergedEvent]]] = []

    def push(merged: MergedEvent | None, events: Iterator[MergedEvent]) -> None:
        if merged is not None:
            heapq.heappush(heap, (merged.event.at_ms * sign, merged.stream.id * sign, merged, events))

    while waiting or heap:
        while waiting and (not heap or waiting[-1][0] <= heap[0][0]):
            opened = _events_of(logs, waiting.pop()[2], times)
            push(next(opened, None), opened)
        if not heap:
            continue
        _, _, merged, events = heapq.heappop(heap)
        others_at = min(heap[0][0] if heap else _NEVER, waiting[-1][0] if waiting else _NEVER)
        yield merged
        for merged in events:
            if merged.event.at_ms * sign >= others_at:
                push(merged, events)
                break
            yield merged


_NEVER = 2**63


def _edge(stream: LogStream, times: TimeRange) -> int:
    """The time of the first event that may come."""
    return stream.first_event_at_ms if times.forward else stream.last_event_at_ms


def _events_of(logs: LogStore, stream: LogStream, times: TimeRange) -> Iterator[MergedEvent]:
    places = StreamPlaces(logs, stream)
    first, end = _numbers(places, times)
    while first < end:
        limit, seq = min(_READ_EVENTS, end - first), first if times.forward else end
        page = logs.read(stream.id, seq, forward=times.forward, limit=limit, most_bytes=_READ_BYTES)
        if not page:
            return
        merged = map(MergedEvent, [stream] * len(page), page, places.nths(page))
        yield from merged if times.forward else reversed(list(merged))
        if times.forward:
            first = page[-1].seq + 1
        else:
            end = page[0].seq


def _numbers(places: StreamPlaces, times: TimeRange) -> tuple[int, int]:
    """The number of the first event that was asked for, and of the one after the last."""
    stream = places.stream
    first = 0 if times.start_ms <= stream.first_event_at_ms else places.seq_at(times.start_ms)
    end = stream.next_seq if times.end_ms is None else places.seq_at(times.end_ms)
    if times.after is not None and times.forward:
        first = max(first, places.seq_of(_first_behind(stream, times.after)))
    elif times.after is not None:
        end = min(end, places.seq_of(_first_at_or_behind(stream, times.after)))
    return first, end


def _first_behind(stream: LogStream, after: MergedPlace) -> Place:
    """The first place of the stream that comes after an event."""
    if stream.id == after.stream:
        return Place(after.at_ms, after.nth + 1)
    return Place(after.at_ms, 0) if stream.id > after.stream else Place(after.at_ms + 1, 0)


def _first_at_or_behind(stream: LogStream, before: MergedPlace) -> Place:
    """The first place of the stream that does not come before an event."""
    if stream.id == before.stream:
        return Place(before.at_ms, before.nth)
    return Place(before.at_ms, 0) if stream.id > before.stream else Place(before.at_ms + 1, 0)
