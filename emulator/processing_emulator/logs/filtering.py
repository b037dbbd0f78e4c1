"""FilterLogEvents: the events of a group that match a pattern, whatever stream they are in, in the order of time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from processing_emulator.domain.log_events import EVENT_OVERHEAD_BYTES, utf8_bytes
from processing_emulator.domain.log_names import LogGroupKey, LogStreamId
from processing_emulator.errors import ValidationFailed
from processing_emulator.logs.merged_events import MergedEvent, MergedPlace, TimeRange, merged_events
from processing_emulator.logs.page_tokens import LATEST_MS, open_page, seal_page, wrong_token
from processing_emulator.logs.reading import MOST_BYTES, MOST_EVENTS, require_group, require_stream
from processing_emulator.ports import LogStore, LogStream

SCANNED_BYTES = 8 * 1024**2
"""A page ends after so much was searched, even if nothing was found: a request takes a second at most."""

_OPENING_BYTES = 64 * 1024
"""Opening a stream takes as long as searching so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterQuery:
    """Which events of a group to find. `bound` is what the requests of all pages of this search have in common."""

    group: LogGroupKey
    matches: Callable[[str], bool]
    bound: Sequence[object]
    stream_names: Sequence[str] = ()
    prefix: str = ""
    start_ms: int = 0
    end_ms: int | None = None
    limit: int = MOST_EVENTS
    from_head: bool = True
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredPage:
    """One page; `next_token` is None when everything was searched."""

    events: Sequence[MergedEvent]
    next_token: str | None


class LogFiltering:
    """Searches the log groups of all accounts and regions."""

    def __init__(self, logs: LogStore, scanned_bytes: int = SCANNED_BYTES) -> None:
        self._logs = logs
        self._scanned_bytes = scanned_bytes

    def page(self, query: FilterQuery) -> FilteredPage:
        """One page. Raises LogNotFound, ValidationFailed for a token that was made for another query."""
        if query.stream_names and query.prefix:
            raise ValidationFailed("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.")
        require_group(self._logs, query.group)
        times = _times(query)
        found: list[MergedEvent] = []
        scanned = found_bytes = 0
        last: MergedEvent | None = None
        opened: set[LogStreamId] = set()
        for merged in merged_events(self._logs, self._streams(query, times), times):
            size = utf8_bytes(merged.event.message) + EVENT_OVERHEAD_BYTES
            is_found = query.matches(merged.event.message)
            is_too_much = is_found and found and found_bytes + size > MOST_BYTES
            if last is not None and (len(found) == query.limit or scanned > self._scanned_bytes or is_too_much):
                return FilteredPage(events=found, next_token=_seal(last.place, query, forward=times.forward))
            last = merged
            if merged.stream.id not in opened:
                opened.add(merged.stream.id)
                scanned += _OPENING_BYTES
            scanned += size
            if is_found:
                found.append(merged)
                found_bytes += size
        return FilteredPage(events=found, next_token=None)

    def _streams(self, query: FilterQuery, times: TimeRange) -> Sequence[LogStream]:
        if query.stream_names:
            named = [require_stream(self._logs, query.group, name) for name in dict.fromkeys(query.stream_names)]
            return [stream for stream in named if stream.next_seq]
        start_ms, end_ms = times.start_ms, times.end_ms
        if times.after is not None and times.forward:
            start_ms = max(start_ms, times.after.at_ms)
        elif times.after is not None:
            end_ms = times.after.at_ms + 1
        return self._logs.streams_between(query.group, query.prefix, start_ms, end_ms)


def event_id(place: MergedPlace) -> str:
    """56 digits that no other event has."""
    return f"{place.at_ms:018d}{place.stream:018d}{place.nth:020d}"


def _times(query: FilterQuery) -> TimeRange:
    if query.token is None:
        return TimeRange(query.start_ms, query.end_ms, query.from_head)
    match open_page(query.token, query.bound):
        case [int(forward), int(at_ms), int(stream), int(nth)] if 0 <= at_ms <= LATEST_MS and nth >= 0:
            after = MergedPlace(at_ms, LogStreamId(stream), nth)
            return TimeRange(query.start_ms, query.end_ms, bool(forward), after)
    raise wrong_token()


def _seal(last: MergedPlace, query: FilterQuery, *, forward: bool) -> str:
    return seal_page([int(forward), *last], query.bound)
