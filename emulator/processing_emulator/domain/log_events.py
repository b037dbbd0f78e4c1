"""From lines of output to events as CloudWatch Logs shows them (spec 5.2). Pure.

Where an event ends is decided by the stored lines alone, never by who reads when: every reader sees the same events.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

JOIN_MS = 1000
"""An indented line belongs to the event before it only when it was stamped at most this long after the line before."""

PIECE_BYTES = 16_384
"""The engine cuts longer lines into pieces of this size; a piece behind a full one is an event of its own."""

LONGEST_EVENT_BYTES = 256 * 1024
"""What CloudWatch Logs takes as one event; indented lines beyond it start another one."""

BLOCK_LINES = 16_384
"""No event goes beyond a line whose number is a multiple of this, so that a reader need not look back further."""

_BLANK = b" "
_BLANK_CODE = _BLANK[0]
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
_ESCAPED = [b"#%03o" % code for code in range(128)]


class LogLine(NamedTuple):
    """One line of output as the container wrote it: bytes without the newline, at most 16,384 (spec 5.2).

    A tuple, like the event, because a page has ten thousand: it is made in a third of a frozen dataclass's time.
    """

    seq: int
    at_ms: int
    data: bytes


class LogEvent(NamedTuple):
    """The lines from `first_seq` up to, without, `end_seq`, but for empty ones, as one message.

    `at_ms` never goes back from one event to the next, though stamps of lines may: it is the latest stamp up to the
    event's first line. `last_ms` is the latest up to its last line. `size_bytes` counts the message's UTF-8.
    """

    first_seq: int
    end_seq: int
    at_ms: int
    last_ms: int
    size_bytes: int
    message: str


def joins(previous: LogLine, line: LogLine) -> bool:
    """Whether a line belongs to the event of the line before it; neither of them is empty."""
    return (
        not starts_alone(line.data)
        and line.at_ms - previous.at_ms <= JOIN_MS
        and len(previous.data) < PIECE_BYTES
        and line.seq // BLOCK_LINES == previous.seq // BLOCK_LINES
    )


def starts_alone(data: bytes) -> bool:
    """Whether a line with these bytes starts an event whatever is before it; it is not empty."""
    return not data.startswith(_BLANK)


def escape(data: bytes) -> bytes:
    """Control characters in octal, as the service's agent writes them: a tab is `#011`. Newlines stay."""
    return _CONTROL.sub(lambda found: _ESCAPED[found[0][0]], data)


class EventMaker:
    """Takes lines in order, the first of which starts an event, and gives events as soon as they are whole."""

    def __init__(self, latest_ms: int) -> None:
        """`latest_ms`: the latest stamp of all lines before."""
        self._latest_ms = latest_ms
        self._open: list[LogLine] = []
        self._raw_bytes = 0
        self._at_ms = 0
        self._last_ms = 0

    def feed(self, lines: Iterable[LogLine]) -> list[LogEvent]:
        """The events that end before one of these lines. Empty lines are left out."""
        events: list[LogEvent] = []
        open_lines, latest_ms, event_ms, last_ms = self._open, self._latest_ms, self._at_ms, self._last_ms
        for line in lines:
            _, at_ms, data = line
            if at_ms > latest_ms:
                latest_ms = at_ms
            if not data:
                continue
            # Most lines do not begin with a blank, and need no closer look.
            if open_lines and data[0] == _BLANK_CODE and self._takes(open_lines[-1], line):
                open_lines.append(line)
                self._raw_bytes += len(data) + 1
            else:
                if open_lines:
                    events.append(_event(open_lines, event_ms, last_ms))
                open_lines, event_ms = [line], latest_ms
                self._raw_bytes = len(data) + 1
            last_ms = latest_ms
        self._open, self._latest_ms, self._at_ms, self._last_ms = open_lines, latest_ms, event_ms, last_ms
        return events

    def finish(self) -> Iterator[LogEvent]:
        """The last event, once it is known that no line can join it any more."""
        if self._open:
            yield _event(self._open, self._at_ms, self._last_ms)
            self._open = []

    def _takes(self, previous: LogLine, line: LogLine) -> bool:
        return joins(previous, line) and self._raw_bytes + len(line.data) <= LONGEST_EVENT_BYTES


def _event(lines: Sequence[LogLine], at_ms: int, last_ms: int) -> LogEvent:
    data = lines[0].data if len(lines) == 1 else b"\n".join([line.data for line in lines])
    message = data.decode("utf-8", "replace")
    if not message.isprintable():  # control characters are not, but others are not either
        message = escape(data).decode("utf-8", "replace")
    size_bytes = len(message) if message.isascii() else len(message.encode())
    return LogEvent(lines[0].seq, lines[-1].seq + 1, at_ms, last_ms, size_bytes, message)
