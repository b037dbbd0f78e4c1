"""The lines of one container's log that are not stored yet, and the events that they make. Pure.

This is the part of a log pump that needs no threads.
"""

from collections.abc import Sequence

from processing_emulator.domain.job import LogCursor
from processing_emulator.domain.log_events import EventMaker, LogEvent, RawLine

_NS_PER_MS = 1_000_000


class UnstoredLines:
    """Of the lines that are read from a cursor's second on, those behind the cursor.

    All stored lines are stamped at or before the cursor's newest. If a later one comes before as many lines as were
    stored, then the engine has dropped lines, the oldest first. `lost` says whether it also dropped lines that were
    not stored: the newest stored line would still be there otherwise.
    """

    def __init__(self, cursor: LogCursor) -> None:
        self.lost = False
        self._skip = cursor.lines_in_second
        self._newest_ns = cursor.newest_ns
        self._has_newest = False

    def of(self, lines: Sequence[RawLine]) -> Sequence[RawLine]:
        """Those of the next lines that are not stored."""
        for index, line in enumerate(lines):
            if not self._skip:
                return lines[index:]
            if line.at_ns > self._newest_ns:
                self.lost = not self._has_newest
                self._skip = 0
                return lines[index:]
            self._skip -= 1
            self._has_newest = self._has_newest or line.at_ns == self._newest_ns
        return ()


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
