"""Takes the `aws-chunked` framing off an upload: SDKs use it for bodies whose length, hash or checksum they do not know
when they begin to send (Java and Go over plain HTTP, JavaScript for streams).

What each chunk is signed with, and the checksum at the end, are read over: this is for a store that checks neither, and
where signatures are enforced, `chunk_signatures` has seen to the former.
"""

import re
from collections.abc import Sequence
from typing import Final

from processing_emulator.aws.s3.chunk_framing import ChunkData, ChunkFraming, ChunkHead, MalformedChunks

_LENGTH: Final = re.compile(rb"[0-9]{1,19}")
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
        if name == b"x-amz-decoded-content-length" and _LENGTH.fullmatch(value):
            return int(value)
    raise MalformedChunks("x-amz-decoded-content-length is missing or no number")


class ChunkDecoder:
    """Feed it the body as it comes; `finish` tells whether it was complete."""

    def __init__(self, length: int) -> None:
        """`length`: what `decoded_length` said."""
        self._missing = length
        self._framing = ChunkFraming()
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        """What of the object is in this part of the body. Raises MalformedChunks."""
        found: list[bytes] = []
        for part in () if self._is_over else self._framing.feed(data):
            if isinstance(part, ChunkData):
                found.append(part.data)
            elif isinstance(part, ChunkHead) and not part.size:
                self._is_over = True  # the rest is the checksum and its signature
                break
        plain = b"".join(found)
        self._missing -= len(plain)
        if self._missing < 0:
            raise MalformedChunks("the body is longer than x-amz-decoded-content-length")
        return plain

    def finish(self) -> None:
        """Raises MalformedChunks when something is missing."""
        if not self._is_over or self._missing:
            raise MalformedChunks("the body is shorter than x-amz-decoded-content-length")
