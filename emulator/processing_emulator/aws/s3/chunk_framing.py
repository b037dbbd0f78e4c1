"""Reads the `aws-chunked` framing of a body as it comes, in pieces of any size; it keeps no more than a line of it.

A body is chunks, the last of them empty; then lines of a trailer, if there is one; then an empty line:
`<size in hex>[;chunk-signature=<hex>]\\r\\n<data>\\r\\n`, and `<name>:<value>\\r\\n`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LONGEST_LINE: Final = 4096
_LONGEST_TRAILER: Final = 8192
_HEAD: Final = re.compile(rb"([0-9a-fA-F]{1,16})(?:;(.*))?", re.DOTALL)
_SIGNATURE: Final = b"chunk-signature="


class MalformedChunks(Exception):
    """The body is not framed as its headers say; what has come of it must not be stored."""


@dataclass(frozen=True, slots=True)
class ChunkHead:
    """A chunk begins; the one whose size is 0 is the last. `signature` is empty when the chunk has none."""

    size: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class ChunkData:
    """Some of the object, never nothing."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """All data of a chunk has come."""


@dataclass(frozen=True, slots=True)
class TrailerLine:
    """A line after the last chunk, without its end; the empty one is the end of the body."""

    line: bytes


Part = ChunkHead | ChunkData | ChunkEnd | TrailerLine


class ChunkFraming:
    """Feed it the body as it comes. `is_over`: the end of the body has been read."""

    def __init__(self) -> None:
        self.is_over = False
        self._line = bytearray()
        self._left_in_chunk = 0
        self._wants_line_end = False
        self._is_in_trailer = False
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> Iterator[Part]:
        """The parts that this piece completes or holds, in their order. Raises MalformedChunks."""
        at = 0
        while at < len(data):
            if self._left_in_chunk:
                piece = data[at : at + self._left_in_chunk]
                at += len(piece)
                self._left_in_chunk -= len(piece)
                yield ChunkData(piece)
                if not self._left_in_chunk:
                    self._wants_line_end = True
                    yield ChunkEnd()
                continue
            end = data.find(b"\n", at) + 1 or len(data)
            line = self._line_with(data[at:end])
            at = end
            if line is not None:
                yield from self._parts_of(line)

    def _line_with(self, piece: bytes) -> bytes | None:
        """The line that this piece completes, without its end."""
        if self.is_over:
            raise MalformedChunks("the body goes on after its end")
        self._line += piece
        if len(self._line) > _LONGEST_LINE + 2:
            raise MalformedChunks("a line between two chunks is too long")
        if not self._line.endswith(b"\r\n"):
            return None
        line = bytes(self._line[:-2])
        self._line.clear()
        return line

    def _parts_of(self, line: bytes) -> Iterator[Part]:
        if self._wants_line_end:
            if line:
                raise MalformedChunks("a chunk is longer than it says")
            self._wants_line_end = False
        elif self._is_in_trailer:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > _LONGEST_TRAILER:
                raise MalformedChunks("the trailer is too long")
            self.is_over = not line
            yield TrailerLine(line)
        else:
            head = _head(line)
            self._left_in_chunk = head.size
            yield head
            if not head.size:
                self._is_in_trailer = True
                yield ChunkEnd()


def _head(line: bytes) -> ChunkHead:
    found = _HEAD.fullmatch(line)
    if found is None:
        raise MalformedChunks("a chunk does not begin with its size")
    size, extension = found.groups()
    signature = extension[len(_SIGNATURE) :] if extension and extension.startswith(_SIGNATURE) else b""
    return ChunkHead(int(size, 16), signature)
