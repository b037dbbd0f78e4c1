"""Reads the logs of jobs as CloudWatch Logs does: a group, a stream per instance, pages of events (spec 5.1-5.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from processing_emulator.domain.log_events import BLOCK_LINES, EventMaker, LogEvent, LogLine, joins, starts_alone
from processing_emulator.errors import LogNotFound
from processing_emulator.logs.tokens import Position, open_page, open_position, seal_page, seal_position
from processing_emulator.ports import LogActivity, LogStore, LogStream, StreamQuery

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
MOST_EVENTS = 10_000
"""A page never holds more events, nor more bytes than the next constant, but always one event if there is one."""
MOST_BYTES = 1024**2
EVENT_OVERHEAD_BYTES = 26
"""What the service counts for an event beside its message."""

_BATCH_LINES = 2_500
_BACK_LINES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events to read: start_ms <= at < end_ms. `token` goes on where a page ended, and gives the direction."""

    start_ms: int = 0
    end_ms: int | None = None
    limit: int = MOST_EVENTS
    from_head: bool = False
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events in order, and the tokens of what follows and of what is before; both are always there."""

    events: Sequence[LogEvent]
    forward_token: str
    backward_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStreams:
    """One page; `next_token` is None after the last stream."""

    streams: Sequence[LogStream]
    next_token: str | None


class LogReading:
    """The logs of the jobs of an account and region, of deleted ones too."""

    def __init__(self, *, logs: LogStore, activity: LogActivity) -> None:
        self._logs = logs
        self._activity = activity

    def group_created_ms(self, account: str, region: str) -> int | None:
        """When the first job printed its first line; None, and no group, before that."""
        first = self._logs.first_stream(account, region)
        return None if first is None else first.first_at_ms

    def streams(self, query: StreamQuery, token: str | None = None) -> ListedStreams:
        """One page of streams. Raises LogNotFound before any job printed something, ValidationFailed for a token that
        was not given for this query.
        """
        self._require_group(query.account, query.region)
        bound = [query.account, query.region, query.prefix, query.by_time, query.descending]
        page = self._logs.list_streams(replace(query, after=open_page(token, bound) if token else None))
        return ListedStreams(
            streams=page.streams, next_token=None if page.last is None else seal_page(page.last, bound)
        )

    def events(self, account: str, region: str, name: str, query: EventQuery) -> EventPage:
        """One page of a stream. Raises LogNotFound, ValidationFailed for a token of another stream."""
        log = self._open(account, region, name)
        position = open_position(query.token, log.stream) if query.token else None
        if position.forward if position is not None else query.from_head:
            events, here = log.read_on(query, position)
        else:
            events, here = log.read_back(query, position)
        first = events[0].first_seq if events else here.seq
        forward = replace(here, seq=events[-1].end_seq, latest_ms=events[-1].last_ms) if events else here
        return EventPage(
            events=events,
            forward_token=seal_position(replace(forward, forward=True), log.stream),
            backward_token=seal_position(Position(forward=False, seq=first), log.stream),
        )

    def _open(self, account: str, region: str, name: str) -> "_Log":
        """The log as of now. Whether it has settled is asked before and after: lines that come between count as new."""
        stream = self._logs.find_stream(account, region, name)
        if stream is None:
            self._require_group(account, region)
            raise LogNotFound("The specified log stream does not exist.")
        newest_append = self._activity.newest_append(stream.job_id, stream.index)
        settled = self._activity.is_settled(stream.job_id, stream.index)
        stream = self._logs.find_stream(account, region, name) or stream
        settled = settled and self._activity.newest_append(stream.job_id, stream.index) == newest_append
        return _Log(self._logs, stream, is_whole=settled or stream.ended)

    def _require_group(self, account: str, region: str) -> None:
        if self._logs.first_stream(account, region) is None:
            raise log_group_not_found()


def log_group_not_found() -> LogNotFound:
    """In the service's words."""
    return LogNotFound("The specified log group does not exist.")


class _Log:
    """The lines of a stream that are stored at one moment, as events. `is_whole`: the last event is complete."""

    def __init__(self, logs: LogStore, stream: LogStream, *, is_whole: bool) -> None:
        self.stream = stream
        self._logs = logs
        self._is_whole = is_whole

    def read_on(self, query: EventQuery, position: Position | None) -> tuple[list[LogEvent], Position]:
        """Events from a position, or from the start time, on; and where that is."""
        start = position or self._position_at(query.start_ms)
        events: list[LogEvent] = []
        size, end_ms = 0, query.end_ms
        for event in self._events(start, query.limit + 1):
            if event.at_ms < query.start_ms:
                start = Position(forward=True, seq=event.end_seq, latest_ms=event.last_ms)
                continue
            size += event.size_bytes + EVENT_OVERHEAD_BYTES
            if (size > MOST_BYTES and events) or (end_ms is not None and event.at_ms >= end_ms):
                break
            events.append(event)
            if len(events) == query.limit:
                break
        return events, position if position is not None and not events else start

    def read_back(self, query: EventQuery, position: Position | None) -> tuple[list[LogEvent], Position]:
        """The last events before a position, or before the end time; and where they end."""
        end_seq = self._end_before(query) if position is None else min(position.seq, self.stream.lines)
        back = min(query.limit, _BATCH_LINES)
        while True:
            start = self._event_around(max(0, end_seq - back))
            events: list[LogEvent] = []
            here = start
            for event in self._events(start, back):
                if (position is not None and event.first_seq >= end_seq) or _is_behind(event, query):
                    break
                events.append(event)
                here = Position(forward=True, seq=event.end_seq, latest_ms=event.last_ms)
            page = _last_of([event for event in events if event.at_ms >= query.start_ms], query.limit)
            is_full = len(page) < len(events)
            if is_full or len(page) == query.limit or start.seq == 0:
                return page, here if page else self._at(end_seq)
            back *= 4

    def _events(self, start: Position, wanted: int) -> Iterator[LogEvent]:
        """All events from there on; so many lines are `wanted`, if each is an event."""
        maker = EventMaker(start.latest_ms)
        seq = start.seq
        while seq < self.stream.lines:
            left = wanted - (seq - start.seq)
            count = min(_BATCH_LINES, left if left > 0 else _BATCH_LINES, self.stream.lines - seq)
            yield from maker.feed(self._logs.read(self.stream.job_id, self.stream.index, seq, count))
            seq += count
        if self._is_whole:
            yield from maker.finish()

    def _position_at(self, start_ms: int) -> Position:
        """Where the event begins that holds the first line of that moment, or the last event if there is no such."""
        if start_ms <= self.stream.first_at_ms:
            return Position(forward=True, seq=0)
        found = self._logs.find_since(self.stream.job_id, self.stream.index, start_ms)
        return self._event_around(self.stream.lines if found is None else found)

    def _end_before(self, query: EventQuery) -> int:
        found = None
        if query.end_ms is not None:
            found = self._logs.find_since(self.stream.job_id, self.stream.index, query.end_ms)
        return self.stream.lines if found is None else min(found, self.stream.lines)

    def _event_around(self, seq: int) -> Position:
        """Where the run of joined lines begins that line `seq` is in, or that is before it."""
        return self._at(self._run_start(min(seq, self.stream.lines - 1)))

    def _at(self, seq: int) -> Position:
        latest_ms = self._logs.latest_before(self.stream.job_id, self.stream.index, seq) if seq else 0
        return Position(forward=True, seq=seq, latest_ms=latest_ms)

    def _run_start(self, seq: int) -> int:
        block = seq // BLOCK_LINES * BLOCK_LINES
        following: LogLine | None = None
        for line in self._backwards(seq, block):
            if not line.data:
                continue
            if following is not None and not joins(line, following):
                return following.seq
            if starts_alone(line.data):
                return line.seq
            following = line
        return block

    def _backwards(self, seq: int, first_seq: int) -> Iterator[LogLine]:
        """The lines from `seq` back to `first_seq`."""
        end, count = seq + 1, _BACK_LINES
        while end > first_seq:
            start = max(first_seq, end - count)
            yield from reversed(self._logs.read(self.stream.job_id, self.stream.index, start, end - start))
            end, count = start, min(count * 4, _BATCH_LINES)


def _is_behind(event: LogEvent, query: EventQuery) -> bool:
    return query.end_ms is not None and event.at_ms >= query.end_ms


def _last_of(events: Sequence[LogEvent], limit: int) -> list[LogEvent]:
    """As many of the last events as fit into a page."""
    size = 0
    first = len(events)
    for event in reversed(events[-limit:]):
        size += event.size_bytes + EVENT_OVERHEAD_BYTES
        if size > MOST_BYTES and first < len(events):
            break
        first -= 1
    return list(events[first:])
