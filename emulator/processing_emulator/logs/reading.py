"""Reads log groups, streams and events as CloudWatch Logs does (spec 5.1-5.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import LogNotFound
from processing_emulator.logs.page_tokens import Position, open_page, open_position, seal_page, seal_position
from processing_emulator.ports import LogGroup, LogStore, LogStream, StreamQuery

MOST_EVENTS = 10_000
"""A page never has more events, nor more bytes than the next constant, but always one event if there is one."""
MOST_BYTES = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events to read: start_ms <= at_ms < end_ms. `token` continues a page, and gives the direction."""

    start_ms: int = 0
    end_ms: int | None = None
    limit: int = MOST_EVENTS
    from_head: bool = False
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events in order, and the tokens of what follows and of what precedes them; both are always there."""

    events: Sequence[StoredEvent]
    forward_token: str
    backward_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStreams:
    """One page; `next_token` is None after the last stream."""

    streams: Sequence[LogStream]
    next_token: str | None


class LogReading:
    """The log groups of all accounts and regions."""

    def __init__(self, logs: LogStore) -> None:
        self._logs = logs

    def groups(self, account: str, region: str) -> Sequence[LogGroup]:
        """The groups of an account and region, by name."""
        return self._logs.list_groups(account, region)

    def streams(self, query: StreamQuery, token: str | None = None) -> ListedStreams:
        """One page of streams. Raises LogNotFound, ValidationFailed for a token that was made for another query."""
        self._require_group(query.group)
        bound = [*query.group, query.prefix, query.by_time, query.descending]
        page = self._logs.list_streams(replace(query, after=open_page(token, bound) if token else None))
        return ListedStreams(
            streams=page.streams, next_token=None if page.last is None else seal_page(page.last, bound)
        )

    def events(self, group: LogGroupKey, name: str, query: EventQuery) -> EventPage:
        """One page of a stream. Raises LogNotFound, ValidationFailed for a token of another stream."""
        stream = self._logs.find_stream(group, name)
        if stream is None:
            self._require_group(group)
            raise LogNotFound("The specified log stream does not exist.")
        first, end = self._range(stream, query)
        position = open_position(query.token, stream.id) if query.token else None
        if position is None:
            position = Position(forward=query.from_head, seq=first if query.from_head else end)
        events = self._page(stream, position, first, end, query.limit)
        return EventPage(
            events=events,
            forward_token=seal_position(
                Position(forward=True, seq=events[-1].seq + 1 if events else position.seq), stream.id
            ),
            backward_token=seal_position(
                Position(forward=False, seq=events[0].seq if events else position.seq), stream.id
            ),
        )

    def _range(self, stream: LogStream, query: EventQuery) -> tuple[int, int]:
        """The first event of the times asked for, and the first one after it."""
        first = 0 if query.start_ms <= stream.first_event_at_ms else self._find_time(stream, query.start_ms)
        end = stream.next_seq if query.end_ms is None else self._find_time(stream, query.end_ms)
        return first, end

    def _find_time(self, stream: LogStream, at_ms: int) -> int:
        found = self._logs.find_time(stream.id, at_ms)
        return stream.next_seq if found is None else found

    def _page(self, stream: LogStream, position: Position, first: int, end: int, limit: int) -> Sequence[StoredEvent]:
        """The events within the range that follow a position, or precede it."""
        seq = max(position.seq, first) if position.forward else min(position.seq, end)
        limit = min(limit, end - seq if position.forward else seq - first)
        if limit < 1:
            return []
        return self._logs.read(stream.id, seq, forward=position.forward, limit=limit, most_bytes=MOST_BYTES)

    def _require_group(self, group: LogGroupKey) -> None:
        if not self._logs.has_group(group):
            raise LogNotFound("The specified log group does not exist.")
