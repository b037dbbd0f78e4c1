"""Parses the engine's log stream: HTTP chunks, then frames, then time stamps. Knows no socket and no client.

Written for millions of lines: each class takes data in buffers of any size and returns all that is complete.
"""

import calendar
import re
import struct
import time
from datetime import datetime

from processing_emulator.domain.job import NANOSECONDS
from processing_emulator.ports import RawLine

_HEADER_BYTES = 8
_LENGTH = struct.Struct(">4xL")
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


class Dechunker:
    """Decodes HTTP's chunked transfer coding. `finished` after the last chunk."""

    def __init__(self) -> None:
        self._rest = b""
        self.finished = False

    def feed(self, data: bytes) -> bytes:
        """The payload of all chunks that are complete now."""
        buffer = self._rest + data if self._rest else data
        payload: list[bytes] = []
        position = 0
        while (end_of_size := buffer.find(b"\r\n", position)) >= 0:
            start = end_of_size + 2
            try:
                size = int(buffer[position:end_of_size], 16)
            except ValueError:  # the size may be followed by extensions
                size = int(buffer[position:end_of_size].partition(b";")[0], 16)
            if size == 0:
                self.finished = True
                break
            if start + size + 2 > len(buffer):
                break
            payload.append(buffer[start : start + size])
            position = start + size + 2
        self._rest = buffer[position:]
        return b"".join(payload)


class Demuxer:
    """Splits the engine's multiplexed stream of standard output and error into lines, in the engine's order.

    A frame is 8 bytes (which stream, length), the time stamp, a space, and what the container wrote. A frame without a
    newline at its end is part of a line longer than 16 KiB, or the end of the output; it becomes a separate line.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._stamps = Stamps()

    def feed(self, payload: bytes) -> list[RawLine]:
        """All lines that are complete now."""
        buffer = self._rest + payload if self._rest else payload
        lines: list[RawLine] = []
        parse, length_at = self._stamps.parse, _LENGTH.unpack_from
        position, size = 0, len(buffer)
        while (start := position + _HEADER_BYTES) <= size:
            end = start + length_at(buffer, position)[0]
            if end > size:
                break
            space = buffer.index(b" ", start, end)
            stop = end - 1 if buffer[end - 1] == 0x0A else end
            lines.append(RawLine(parse(buffer[start:space]), buffer[space + 1 : stop]))
            position = end
        self._rest = buffer[position:]
        return lines


class Stamps:
    """Parses RFC 3339 stamps into nanoseconds since the epoch. Caches the last second, which usually recurs."""

    def __init__(self) -> None:
        self._second = b""
        self._base_ns = 0

    def parse(self, stamp: bytes) -> int:
        """`2026-01-02T03:04:05.000000006Z` as the engine writes it, and any other RFC 3339 form. Raises ValueError."""
        if len(stamp) != 30 or stamp[29] != 0x5A:
            return _parse_any(stamp)
        second = stamp[:19]
        if second != self._second:
            self._base_ns = calendar.timegm(time.strptime(second.decode(), "%Y-%m-%dT%H:%M:%S")) * NANOSECONDS
            self._second = second
        return self._base_ns + int(stamp[20:29])


def _parse_any(stamp: bytes) -> int:
    match = _STAMP.fullmatch(stamp)
    if match is None:
        raise ValueError(f"the engine stamped a line with {stamp!r}, which is no RFC 3339 time")
    moment = datetime.fromisoformat((match[1] + match[3]).decode())
    return int(moment.timestamp()) * NANOSECONDS + int((match[2] or b"0").ljust(9, b"0"))
