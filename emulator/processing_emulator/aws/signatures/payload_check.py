"""Chooses how the body of an S3 request is checked, by what its signature says of it."""

import re
from typing import Final, Protocol

from starlette.types import Message, Receive

from processing_emulator.aws.s3.aws_chunked import decoded_length
from processing_emulator.aws.s3.chunk_framing import MalformedChunks
from processing_emulator.aws.signatures.chunk_signatures import ChunkVerifier
from processing_emulator.aws.signatures.chunked_payload import ChunkedPayload
from processing_emulator.aws.signatures.parsing import Flaw, Refused, SignedRequest
from processing_emulator.aws.signatures.payload_digest import CheckedPayload
from processing_emulator.aws.signatures.verification import EMPTY_SHA256, UNSIGNED_PAYLOAD, Seed

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_UNCHECKED: Final = frozenset({UNSIGNED_PAYLOAD, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
_SIGNED_CHUNKS: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_SIGNED_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_ASYMMETRIC: Final = "STREAMING-AWS4-ECDSA-"


class Payload(Protocol):
    """A body that is checked on its way. `refused`: what has turned out to be wrong with it."""

    refused: Refused | None

    async def receive(self) -> Message:
        """The next message of the body."""
        ...


def payload_of(request: SignedRequest, named: str, seed: Seed, receive: Receive) -> Payload | None:
    """What checks the body; None: only the head is signed. Raises Refused for a kind that there is not.

    `named` is the value of x-amz-content-sha256, which the signature covers.
    """
    if named in _UNCHECKED:
        return None
    if _DIGEST.fullmatch(named):
        return CheckedPayload(receive, named)
    if named.startswith(_ASYMMETRIC):
        raise Refused(Flaw.UNSUPPORTED)
    if named not in (_SIGNED_CHUNKS, _SIGNED_TRAILER):
        raise Refused(Flaw.BAD_PAYLOAD_KIND)
    try:
        length = decoded_length(request.headers)
    except MalformedChunks as error:
        raise Refused(Flaw.BAD_FRAMING, str(error)) from error
    return ChunkedPayload(receive, ChunkVerifier(seed, length, has_trailer=named == _SIGNED_TRAILER))


def check_nothing(named: str) -> None:
    """Check the body of a request that has none. Raises Refused."""
    if named in (_SIGNED_CHUNKS, _SIGNED_TRAILER):
        raise Refused(Flaw.BAD_FRAMING, "there is no body")
    if named not in _UNCHECKED and named != EMPTY_SHA256:
        raise Refused(Flaw.BAD_PAYLOAD)
