"""StartLiveTail: the events of some groups as they are stored, whatever stream they come to."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.domain.log_names import LogGroupKey, LogStreamId
from processing_emulator.logs.reading import require_group
from processing_emulator.ports import LogStore, LogStream

_READ_EVENTS, _READ_BYTES = 10_000, 4 * 1024**2
"""What a look takes of a stream; the next look goes on where it ended."""

_LATE_EVENTS = 10_000
"""How far from the end of a stream events are found that are earlier than those already shown."""

_RECENT_MS = 300_000
"""Streams are looked at that have got events in this time: an event may be stored later than it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailQuery:
    """What to follow. Names and prefixes of streams go only with one group."""

    groups: Sequence[LogGroupKey]
    matches: Callable[[str], bool]
    stream_names: Sequence[str] = ()
    stream_prefixes: Sequence[str] = ()


class TailedEvent(NamedTuple):
    """An event, and where it came from."""

    group: LogGroupKey
    stream_name: str
    event: StoredEvent


class _Seen(NamedTuple):
    """How many events of a stream were there, and the latest moment one was stored."""

    events: int = 0
    last_ingested_at_ms: int = 0


class LiveTail:
    """Follows from now on. Not for several threads at once."""

    def __init__(self, logs: LogStore, query: TailQuery) -> None:
        """Raises LogNotFound."""
        self._logs = logs
        self._query = query
        self._seen: dict[LogStreamId, _Seen] = {}
        for group in query.groups:
            require_group(logs, group)
            for stream in logs.streams_between(group, "", 0, None):
                self._seen[stream.id] = _Seen(stream.next_seq, stream.last_ingested_at_ms)

    def look(self, now_ms: int) -> Sequence[TailedEvent]:
        """The matching events that were stored since the last look, by time. Raises StoreFailure."""
        found = [
            TailedEvent(group, stream.name, event)
            for group in self._query.groups
            for stream in self._logs.streams_ingested_since(group, now_ms - _RECENT_MS)
            for event in self._new_events(stream)
            if self._query.matches(event.message)
        ]
        return sorted(found, key=lambda tailed: tailed.event.at_ms)

    def _new_events(self, stream: LogStream) -> Iterator[StoredEvent]:
        seen = self._seen.get(stream.id, _Seen())
        if stream.next_seq <= seen.events or not self._is_followed(stream.name):
            return
        page = self._logs.read(stream.id, seen.events, forward=True, limit=_READ_EVENTS, most_bytes=_READ_BYTES)
        if any(event.ingested_at_ms <= seen.last_ingested_at_ms for event in page):
            yield from self._late_events(stream, seen)
            self._seen[stream.id] = _Seen(stream.next_seq, stream.last_ingested_at_ms)
            return
        if page:
            ingested_at_ms = max(event.ingested_at_ms for event in page)
            self._seen[stream.id] = _Seen(page[-1].seq + 1, ingested_at_ms)
        yield from page

    def _late_events(self, stream: LogStream, seen: _Seen) -> Sequence[StoredEvent]:
        """The events stored last, where some of them were sorted in before others."""
        page = self._logs.read(stream.id, stream.next_seq, forward=False, limit=_LATE_EVENTS, most_bytes=_READ_BYTES)
        newest = sorted(page, key=lambda event: event.ingested_at_ms)[-(stream.next_seq - seen.events) :]
        return sorted(newest)

    def _is_followed(self, name: str) -> bool:
        names, prefixes = self._query.stream_names, self._query.stream_prefixes
        if names:
            return name in names
        return not prefixes or name.startswith(tuple(prefixes))
