"""A log whose events, once shown, never change: it marks the lines that come too late for the event before them.

A reader may show the last event of a log that is still written once nothing has been stored for a while. A line that
comes after that and would still join the event, because the engine was away for example, gets a stamp that keeps it
apart. So what readers may have seen is written into the lines, and every later reader sees the same events.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from processing_emulator.domain.job import JobId, LogCursor
from processing_emulator.domain.log_events import JOIN_MS, LogLine, starts_alone
from processing_emulator.ports import Clock, LogStore, LogStream, RawLine, StreamPage, StreamQuery

SETTLE_SECONDS = 2.0
"""A log that nothing was added to for so long has settled: longer than lines take from the container to the store."""

KEPT_ACTIVITIES = 1000
"""More than so many are kept only of logs that have not settled."""

_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class _Activity:
    newest_append: int = 0
    running: int = 0
    rests_since: float | None = None
    """None: before the first append of this process, when an earlier one may have let readers see everything."""
    is_shown: bool = True
    """Somebody may have been shown the last event; so it stays until a line that is not empty is stored."""


class SettlingLog:
    """Implements `ports.LogStore` and `ports.LogActivity` over another LogStore."""

    def __init__(self, logs: LogStore, clock: Clock) -> None:
        self._logs = logs
        self._clock = clock
        self._started = clock.monotonic()
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._activities: dict[tuple[JobId, int], _Activity] = {}

    def append(self, job_id: JobId, index: int, lines: Sequence[RawLine], cursor: LogCursor) -> None:
        """See the port."""
        is_shown = self._begin(job_id, index)
        try:
            if is_shown:
                lines = self._apart(job_id, index, lines, cursor.next_seq - len(lines))
            self._logs.append(job_id, index, lines, cursor)
            is_shown = is_shown and not any(line.data for line in lines)
        finally:
            self._end(job_id, index, is_shown=is_shown)

    def newest_append(self, job_id: JobId, index: int) -> int:
        """See the port."""
        with self._lock:
            activity = self._activities.get((job_id, index))
            return 0 if activity is None else activity.newest_append

    def is_settled(self, job_id: JobId, index: int) -> bool:
        """See the port."""
        with self._lock:
            return self._rests(self._activities.get((job_id, index), _Activity()))

    def _rests(self, activity: _Activity) -> bool:
        since = self._started if activity.rests_since is None else activity.rests_since
        return activity.running == 0 and self._clock.monotonic() - since >= SETTLE_SECONDS

    def _begin(self, job_id: JobId, index: int) -> bool:
        """Note an append; whether somebody may have been shown the last event."""
        with self._lock:
            if len(self._activities) > KEPT_ACTIVITIES:
                self._forget_settled()
            activity = self._activities.setdefault((job_id, index), _Activity())
            activity.is_shown = activity.is_shown or self._rests(activity)
            activity.newest_append = next(self._numbers)
            activity.running += 1
            return activity.is_shown

    def _forget_settled(self) -> None:
        """What is not kept counts as settled, so nothing is lost."""
        self._activities = {key: activity for key, activity in self._activities.items() if not self._rests(activity)}

    def _end(self, job_id: JobId, index: int, *, is_shown: bool) -> None:
        with self._lock:
            activity = self._activities[job_id, index]
            activity.is_shown = is_shown
            activity.running -= 1
            activity.rests_since = self._clock.monotonic()

    def _apart(self, job_id: JobId, index: int, lines: Sequence[RawLine], first_seq: int) -> Sequence[RawLine]:
        """The lines, the first one that is not empty stamped so that it does not join what is stored."""
        position = next((position for position, line in enumerate(lines) if line.data), None)
        if position is None or starts_alone(lines[position].data):
            return lines
        apart_ns = (self._logs.latest_before(job_id, index, first_seq) + JOIN_MS + 1) * _NS_PER_MS
        late = lines[position]._replace(at_ns=max(lines[position].at_ns, apart_ns))
        return [*lines[:position], late, *lines[position + 1 :]]

    def read(self, job_id: JobId, index: int, from_seq: int, limit: int) -> Sequence[LogLine]:
        """See the port."""
        return self._logs.read(job_id, index, from_seq, limit)

    def find_since(self, job_id: JobId, index: int, at_ms: int) -> int | None:
        """See the port."""
        return self._logs.find_since(job_id, index, at_ms)

    def latest_before(self, job_id: JobId, index: int, seq: int) -> int:
        """See the port."""
        return self._logs.latest_before(job_id, index, seq)

    def list_streams(self, query: StreamQuery) -> StreamPage:
        """See the port."""
        return self._logs.list_streams(query)

    def find_stream(self, account: str, region: str, name: str) -> LogStream | None:
        """See the port."""
        return self._logs.find_stream(account, region, name)

    def first_stream(self, account: str, region: str) -> LogStream | None:
        """See the port."""
        return self._logs.first_stream(account, region)
