"""The events of one container's log, and how far they go: the part of a log pump that needs no threads. Pure."""

from collections.abc import Sequence

from processing_emulator.domain.job import LogCursor
from processing_emulator.domain.log_events import EventMaker, LogEvent, RawLine

_NS_PER_MS = 1_000_000


class OutputEvents:
    """Takes the lines from a cursor on and returns events. `cursor` is where the last returned event ends.

    The lines of the event that is still open lie after the cursor, so a reader that resumes there reads them again.
    """

    def __init__(self, cursor: LogCursor) -> None:
        self.cursor = cursor
        self._maker = EventMaker(cursor.newest_ns // _NS_PER_MS)
        self._stamps_after_cursor: list[int] = []
        self._opened_at: float | None = None

    def feed(self, lines: Sequence[RawLine], now: float) -> list[LogEvent]:
        """The events that end before one of these lines; `now` in seconds of a clock that never goes back."""
        events = self._maker.feed(lines)
        self._stamps_after_cursor += [line.at_ns for line in lines]
        self._move_cursor()
        if not self._maker.open_lines:
            self._opened_at = None
        elif self._maker.open_lines <= len(lines):  # the open event began in these lines
            self._opened_at = now
        return events

    def close(self) -> list[LogEvent]:
        """The open event, if there is one."""
        events = self._maker.close()
        self._move_cursor()
        self._opened_at = None
        return events

    def seconds_open(self, now: float) -> float | None:
        """How long ago the open event began; None when no event is open."""
        return None if self._opened_at is None else now - self._opened_at

    def _move_cursor(self) -> None:
        complete = len(self._stamps_after_cursor) - self._maker.open_lines
        self.cursor = self.cursor.advanced(self._stamps_after_cursor[:complete])
        del self._stamps_after_cursor[:complete]
