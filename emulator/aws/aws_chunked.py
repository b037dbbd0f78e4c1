"""Takes the `aws-chunked` framing off an upload: SDKs use it for bodies whose length, hash or checksum they do not know
when they begin to send (Java and Go over plain HTTP, JavaScript for streams).

What each chunk is signed with, and the checksum at the end, are read over: this is for a store that checks neither.
"""

import re
from collections.abc import Sequence
from typing import Final

_LONGEST_LINE: Final = 4096
_SIZE: Final = re.compile(rb"[0-9a-fA-F]{1,16}")
_STREAMING: Final = b"STREAMING-"

_OF_THE_FRAMING: Final = frozenset(
    {
        b"authorization",
        b"content-length",
        b"transfer-encoding",
        b"x-amz-content-sha256",
        b"x-amz-decoded-content-length",
        b"x-amz-sdk-checksum-algorithm",
        b"x-amz-trailer",
    }
)

Headers = Sequence[tuple[bytes, bytes]]


class MalformedChunks(Exception):
    """The body is not framed as its headers say; what has come of it must not be stored."""


def is_chunked(headers: Headers) -> bool:
    """Whether a request (header names in lower case) says that its body has this framing."""
    return any(name == b"x-amz-content-sha256" and value.startswith(_STREAMING) for name, value in headers)


def plain_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers of the same request without the framing, and without the signature that they break.

    Raises MalformedChunks without a length.
    """
    length = decoded_length(headers)
    kept: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name == b"content-encoding":
            others = [part for part in value.split(b",") if part.strip().lower() != b"aws-chunked"]
            if others:
                kept.append((name, b",".join(others).strip()))
        elif name not in _OF_THE_FRAMING:
            kept.append((name, value))
    return [*kept, (b"content-length", str(length).encode()), (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")]


def decoded_length(headers: Headers) -> int:
    """How many bytes the object has. Raises MalformedChunks."""
    for name, value in headers:
        if name == b"x-amz-decoded-content-length" and value.isdigit():
            return int(value)
    raise MalformedChunks("x-amz-decoded-content-length is missing or no number")


class ChunkDecoder:
    """Feed it the body as it comes; `finish` tells whether it was complete."""

    def __init__(self, length: int) -> None:
        """`length`: what `decoded_length` said."""
        self._missing = length
        self._buffer = bytearray()
        self._left_in_chunk = 0
        self._wants_line_end = False
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        """What of the object is in this part of the body. Raises MalformedChunks."""
        if self._is_over:  # the checksum and its signature
            return b""
        self._buffer += data
        found = bytearray()
        while not self._is_over:
            if self._left_in_chunk:
                taken = self._buffer[: self._left_in_chunk]
                if not taken:
                    break
                del self._buffer[: len(taken)]
                self._left_in_chunk -= len(taken)
                found += taken
            elif not self._read_line():
                break
        self._missing -= len(found)
        if self._missing < 0:
            raise MalformedChunks("the body is longer than x-amz-decoded-content-length")
        return bytes(found)

    def _read_line(self) -> bool:
        """Take the line end after a chunk, or the line before one; False: it has not come yet."""
        end = self._buffer.find(b"\r\n")
        if end > _LONGEST_LINE or (end < 0 and len(self._buffer) > _LONGEST_LINE):
            raise MalformedChunks("a line between two chunks is too long")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if self._wants_line_end:
            if line:
                raise MalformedChunks("a chunk is longer than it says")
            self._wants_line_end = False
            return True
        size = line.partition(b";")[0]
        if not _SIZE.fullmatch(size):
            raise MalformedChunks("a chunk does not begin with its size")
        self._left_in_chunk = int(size, 16)
        self._is_over = self._left_in_chunk == 0
        self._wants_line_end = True
        return True

    def finish(self) -> None:
        """Raises MalformedChunks when something is missing."""
        if not self._is_over or self._missing:
            raise MalformedChunks("the body is shorter than x-amz-decoded-content-length")
