"""Turns lines of container output into log events, as the service's log agent does (spec 5.2). Pure."""

import codecs
import re
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

JOIN_MS = 1000
"""An indented line joins the event before it only if it was written at most this long after the previous line."""

PIECE_BYTES = 16_384
"""The engine cuts longer lines into pieces of this size. The piece after a full one starts an event."""

LONGEST_EVENT_BYTES = 256 * 1024
"""The largest event CloudWatch Logs accepts. An indented line that would exceed it starts an event."""

EVENT_OVERHEAD_BYTES = 26
"""What the service counts for an event in addition to its message."""

_LONGEST_CHARACTER_BYTES = 4
_BLANK = b" "[0]
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_NS_PER_MS = 1_000_000


class RawLine(NamedTuple):
    """A line of output: the engine's time stamp, and the bytes without the newline, at most 16,384.

    Lines and events are tuples, because there are millions: a frozen dataclass takes three times as long to make.
    """

    at_ns: int
    data: bytes


class LogEvent(NamedTuple):
    """A message that is not empty, and when it was written."""

    at_ms: int
    message: str


class StoredEvent(NamedTuple):
    """An event of a stream. `seq` counts the stream's events from 0."""

    seq: int
    at_ms: int
    ingested_at_ms: int
    message: str


class EventMaker:
    """Takes the lines of one container in order and returns events as soon as no later line can join them.

    Times never go back from one event to the next although the stamps of lines may, because stdout and stderr are
    stamped independently: an event has the latest stamp up to its first line. Empty lines are dropped.
    """

    def __init__(self, latest_ms: int = 0) -> None:
        """`latest_ms`: the latest stamp of all lines before the first one."""
        self.open_lines = 0
        """Lines read since the open event began, including empty ones; 0 when no event is open."""
        self._latest_ms = latest_ms
        self._parts: list[str] = []
        self._at_ms = 0
        self._bytes = 0
        self._last_line_ms = 0
        self._last_line_is_full = False
        self._cut = b""
        """The first bytes of a character that the engine cut at the end of a full piece."""

    def feed(self, lines: Iterable[RawLine]) -> list[LogEvent]:
        """The events that end before one of these lines."""
        events: list[LogEvent] = []
        for at_ns, data in lines:
            is_full = len(data) >= PIECE_BYTES
            data = self._complete_character(data)
            at_ms = at_ns // _NS_PER_MS
            if at_ms > self._latest_ms:
                self._latest_ms = at_ms
            if not data:
                if self.open_lines:
                    self.open_lines += 1
                continue
            cut = cut_character(data) if is_full else b""
            text = escaped(data.removesuffix(cut).decode("utf-8", "replace"))
            if not (data[0] == _BLANK and self._joins(at_ms, text)):
                events += self.close()
                self._at_ms = self._latest_ms
                self._bytes = 0
            self._parts.append(text)
            self.open_lines += 1
            self._last_line_ms = at_ms
            self._last_line_is_full = is_full
            self._cut = cut
        return events

    def close(self) -> list[LogEvent]:
        """The open event, if there is one. The next line starts another, even if it is indented."""
        if not self._parts:
            return []
        self._complete_character(b"")
        event = LogEvent(self._at_ms, self._parts[0] if len(self._parts) == 1 else "\n".join(self._parts))
        self._parts, self.open_lines = [], 0
        return [event]

    def _complete_character(self, piece: bytes) -> bytes:
        """Give the last full piece the bytes of its cut character from the start of the next; return what is left.

        The bytes move back and not forward, because the full piece may be stored before a crash and the next after it.
        """
        if not self._cut:
            return piece
        cut, self._cut = self._cut, b""
        missing = _length_of_character(cut[0]) - len(cut)
        try:
            self._parts[-1] += (cut + piece[:missing]).decode()
        except UnicodeDecodeError:  # the next line is not of the same output, or the output is not UTF-8
            self._parts[-1] += cut.decode("utf-8", "replace")
            return piece
        return piece[missing:]

    def _joins(self, at_ms: int, text: str) -> bool:
        if not self._parts or self._last_line_is_full or at_ms - self._last_line_ms > JOIN_MS:
            return False
        before = self._bytes or utf8_bytes(self._parts[0])
        self._bytes = before + 1 + utf8_bytes(text)
        return self._bytes <= LONGEST_EVENT_BYTES


def cut_character(data: bytes) -> bytes:
    """The incomplete character at the end of some UTF-8, or nothing."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data[-_LONGEST_CHARACTER_BYTES:])
    return decoder.getstate()[0]


def _length_of_character(first: int) -> int:
    return 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2  # as UTF-8 defines it


def escaped(text: str) -> str:
    """Control characters become octal numbers, as in the service: a tab is `#011`."""
    if text.isprintable():  # control characters are not printable, but neither are some others
        return text
    return _CONTROL.sub(lambda found: f"#{ord(found[0]):03o}", text)


def utf8_bytes(text: str) -> int:
    """The size of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def first_page(events: Iterable[StoredEvent], limit: int, most_bytes: int) -> list[StoredEvent]:
    """The first events that fit into a page: at most `limit`, together at most `most_bytes`, but at least one."""
    page: list[StoredEvent] = []
    size = 0
    for event in islice(events, limit):
        size += utf8_bytes(event.message) + EVENT_OVERHEAD_BYTES
        if size > most_bytes and page:
            break
        page.append(event)
    return page
