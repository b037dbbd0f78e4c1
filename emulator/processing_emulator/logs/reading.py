"""Reads log groups, streams and events as CloudWatch Logs does (spec 5.1-5.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import LogNotFound
from processing_emulator.logs.page_tokens import (
    Position,
    open_page,
    open_position,
    seal_page,
    seal_position,
    wrong_token,
)
from processing_emulator.logs.places import Place, StreamPlaces
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
        require_group(self._logs, query.group)
        bound = [*query.group, query.prefix, query.by_time, query.descending]
        page = self._logs.list_streams(replace(query, after=_open_streams(token, bound) if token else None))
        return ListedStreams(
            streams=page.streams, next_token=None if page.last is None else seal_page(page.last, bound)
        )

    def stream(self, group: LogGroupKey, name: str) -> LogStream:
        """The stream of that name. Raises LogNotFound."""
        return require_stream(self._logs, group, name)

    def events(self, group: LogGroupKey, name: str, query: EventQuery) -> EventPage:
        """One page of a stream. Raises LogNotFound, ValidationFailed for a token of another stream."""
        stream = require_stream(self._logs, group, name)
        if query.token is not None:
            position = open_position(query.token, stream.id)
        elif query.from_head:
            position = Position(forward=True, place=Place(query.start_ms, 0))
        else:
            end_ms = stream.last_event_at_ms + 1 if query.end_ms is None else query.end_ms
            position = Position(forward=False, place=Place(end_ms, 0))
        events = self._page(stream, position, query)
        places = StreamPlaces(self._logs, stream)
        first = places.place_of(events[0]) if events else position.place
        after = places.place_of(events[-1]) if events else position.place
        if events:
            after = after._replace(nth=after.nth + 1)
        return EventPage(
            events=events,
            forward_token=seal_position(Position(forward=True, place=after), stream.id),
            backward_token=seal_position(Position(forward=False, place=first), stream.id),
        )

    def _page(self, stream: LogStream, position: Position, query: EventQuery) -> Sequence[StoredEvent]:
        """The events within the range that follow a position, or precede it."""
        places = StreamPlaces(self._logs, stream)
        first = 0 if query.start_ms <= stream.first_event_at_ms else places.seq_at(query.start_ms)
        end = stream.next_seq if query.end_ms is None else places.seq_at(query.end_ms)
        seq = places.seq_of(position.place)
        seq = max(seq, first) if position.forward else min(seq, end)
        limit = min(query.limit, end - seq if position.forward else seq - first)
        if limit < 1:
            return []
        return self._logs.read(stream.id, seq, forward=position.forward, limit=limit, most_bytes=MOST_BYTES)


def require_group(logs: LogStore, group: LogGroupKey) -> None:
    """Raises LogNotFound."""
    if not logs.has_group(group):
        raise LogNotFound("The specified log group does not exist.")


def require_stream(logs: LogStore, group: LogGroupKey, name: str) -> LogStream:
    """The stream of that name. Raises LogNotFound."""
    stream = logs.find_stream(group, name)
    if stream is None:
        require_group(logs, group)
        raise LogNotFound("The specified log stream does not exist.")
    return stream


def _open_streams(token: str, bound: Sequence[object]) -> tuple[int, str]:
    match open_page(token, bound):
        case [int(at_ms), str(name)]:
            return at_ms, name
    raise wrong_token()
