"""The events of several streams in the order of their times, read no further than they are taken."""

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.domain.log_names import LogStreamId
from processing_emulator.logs.places import Place, PlacedEvent, StreamPlaces
from processing_emulator.ports import LogStore, LogStream

_READ_EVENTS, _READ_BYTES = 2000, 512 * 1024
"""What is read of a stream at once."""


class MergedPlace(NamedTuple):
    """The place of an event among those of several streams: by time, then stream, then order within the stream."""

    at_ms: int
    stream: LogStreamId
    nth: int


class MergedEvent(NamedTuple):
    """An event, its stream and its place."""

    place: MergedPlace
    stream: LogStream
    event: StoredEvent


class TimeRange(NamedTuple):
    """start_ms <= at_ms < end_ms; `after` is the last event of what was read before, in the same direction."""

    start_ms: int
    end_ms: int | None
    forward: bool
    after: MergedPlace | None = None


def merged_events(logs: LogStore, streams: Sequence[LogStream], times: TimeRange) -> Iterator[MergedEvent]:
    """The events of these streams within the times; a stream is opened when its turn may have come."""
    sign = 1 if times.forward else -1
    waiting = sorted(streams, key=lambda stream: _edge(stream, forward=times.forward) * sign, reverse=True)
    heap: list[tuple[int, int, int, PlacedEvent, LogStream, Iterator[PlacedEvent]]] = []

    def push(stream: LogStream, events: Iterator[PlacedEvent]) -> None:
        placed = next(events, None)
        if placed is not None:
            order = (placed.place.at_ms * sign, stream.id * sign, placed.place.nth * sign)
            heapq.heappush(heap, (*order, placed, stream, events))

    while waiting or heap:
        while waiting and (not heap or _edge(waiting[-1], forward=times.forward) * sign <= heap[0][0]):
            stream = waiting.pop()
            push(stream, _events_of(logs, stream, times))
        if heap:
            _, _, _, placed, stream, events = heapq.heappop(heap)
            place = MergedPlace(placed.place.at_ms, stream.id, placed.place.nth)
            yield MergedEvent(place, stream, placed.event)
            push(stream, events)


def _edge(stream: LogStream, *, forward: bool) -> int:
    return stream.first_event_at_ms if forward else stream.last_event_at_ms


def _events_of(logs: LogStore, stream: LogStream, times: TimeRange) -> Iterator[PlacedEvent]:
    places = StreamPlaces(logs, stream)
    first = 0 if times.start_ms <= stream.first_event_at_ms else places.seq_at(times.start_ms)
    end = stream.next_seq if times.end_ms is None else places.seq_at(times.end_ms)
    if times.after is not None and times.forward:
        first = max(first, places.seq_of(_first_behind(stream, times.after)))
    elif times.after is not None:
        end = min(end, places.seq_of(_first_at_or_behind(stream, times.after)))
    while first < end:
        limit = min(_READ_EVENTS, end - first)
        page = places.read(first if times.forward else end, forward=times.forward, limit=limit, most_bytes=_READ_BYTES)
        if not page:
            return
        yield from page if times.forward else reversed(page)
        if times.forward:
            first = page[-1].event.seq + 1
        else:
            end = page[0].event.seq


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
