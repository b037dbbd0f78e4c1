"""Checks an upload in signed chunks: each signature covers the one before it, the first that of the request's head.

See "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" and "Signature
calculations for trailing headers" in the API reference of Amazon S3.
"""

import hashlib
import hmac
from typing import Final

from processing_emulator.aws.s3.chunk_framing import (
    ChunkData,
    ChunkEnd,
    ChunkFraming,
    ChunkHead,
    MalformedChunks,
    Part,
    TrailerLine,
)
from processing_emulator.aws.signatures.parsing import Flaw, Refused
from processing_emulator.aws.signatures.verification import EMPTY_SHA256, Seed

_CHUNK: Final = "AWS4-HMAC-SHA256-PAYLOAD"
_TRAILER: Final = "AWS4-HMAC-SHA256-TRAILER"
_TRAILER_SIGNATURE: Final = b"x-amz-trailer-signature"


class ChunkVerifier:
    """Feed it the body as it comes; `finish` tells whether it was complete."""

    def __init__(self, seed: Seed, length: int, *, has_trailer: bool) -> None:
        """`length`: of the object, in bytes."""
        self._seed = seed
        self._missing = length
        self._has_trailer = has_trailer
        self._framing = ChunkFraming()
        self._previous = seed.signature
        self._claimed = b""
        self._sum = hashlib.sha256()
        self._trailer: dict[bytes, bytes] = {}

    def feed(self, data: bytes) -> bool:
        """Whether something of the object is in this part of the body. Raises Refused."""
        missing = self._missing
        try:
            for part in self._framing.feed(data):
                self._take(part)
        except MalformedChunks as error:
            raise Refused(Flaw.BAD_FRAMING, str(error)) from error
        if self._missing < 0:
            raise Refused(Flaw.BAD_FRAMING, "the body is longer than x-amz-decoded-content-length")
        return self._missing < missing

    def finish(self) -> None:
        """Raises Refused when something is missing."""
        if not self._framing.is_over:
            raise Refused(Flaw.BAD_FRAMING, "the end of the last chunk is missing")
        if self._missing:
            raise Refused(Flaw.BAD_FRAMING, "the body is shorter than x-amz-decoded-content-length")

    def _take(self, part: Part) -> None:
        match part:
            case ChunkHead(signature=signature):
                self._claimed = signature
                self._sum = hashlib.sha256()
            case ChunkData(data=data):
                self._sum.update(data)
                self._missing -= len(data)
            case ChunkEnd():
                self._check(self._claimed, _CHUNK, EMPTY_SHA256, self._sum.hexdigest())
            case TrailerLine(line=line):
                self._take_trailer(line)

    def _take_trailer(self, line: bytes) -> None:
        """A header of the trailer, then the signature of them all, then the empty line."""
        is_signed = _TRAILER_SIGNATURE in self._trailer
        if not line and is_signed == self._has_trailer:
            return
        name, colon, value = line.partition(b":")
        name = name.strip().lower()
        if not self._has_trailer or is_signed or not colon or name in self._trailer:
            raise Refused(Flaw.BAD_TRAILER)
        if name == _TRAILER_SIGNATURE:
            covered = b"".join(b"%s:%s\n" % header for header in sorted(self._trailer.items()))
            self._check(value.strip(), _TRAILER, hashlib.sha256(covered).hexdigest())
        self._trailer[name] = value.strip()

    def _check(self, claimed: bytes, *covered: str) -> None:
        """Compare a signature with the one that covers this, and the one before it."""
        kind, *digests = covered
        text = "\n".join((kind, self._seed.stamp, self._seed.scope, self._previous, *digests))
        self._previous = hmac.digest(self._seed.key, text.encode("latin-1", "replace"), "sha256").hex()
        if not hmac.compare_digest(self._previous.encode(), claimed):
            raise Refused(Flaw.MISMATCH)
