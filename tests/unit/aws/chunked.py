"""Uploads in signed chunks, as clients send them: botocore signs the head, and this the chunks that follow it."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

from processing_emulator.aws.signatures.parsing import SignedRequest

from tests.unit.aws.signing import Signer

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A chunk as it is on the wire, each part of which a test may change."""

    size: bytes
    signature: bytes
    data: bytes

    @property
    def wire(self) -> bytes:
        """The last one, which is empty, has no line end of its own: what follows it begins there."""
        head = b"%s;chunk-signature=%s\r\n" % (self.size, self.signature)
        return head + (self.data + b"\r\n" if self.data else b"")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A body. `end`: what follows the last chunk."""

    chunks: tuple[Chunk, ...]
    end: bytes = b"\r\n"

    @property
    def wire(self) -> bytes:
        """The bytes of the body."""
        return b"".join(chunk.wire for chunk in self.chunks) + self.end

    def with_chunk(self, index: int, **changes: bytes) -> "Upload":
        """The same with one chunk changed."""
        changed = replace(self.chunks[index], **changes)
        return replace(self, chunks=(*self.chunks[:index], changed, *self.chunks[index + 1 :]))

    def in_order(self, *indexes: int) -> "Upload":
        """The same with these of its chunks, in this order."""
        return replace(self, chunks=tuple(self.chunks[index] for index in indexes))


@dataclass(frozen=True, kw_only=True)
class ChunkSigner:
    """Signs what follows a head whose signature is `seed`."""

    seed: str
    stamp: str
    region: str
    secret_key: str

    def upload(self, pieces: Sequence[bytes], trailer: bytes | None = None) -> Upload:
        """These chunks and the empty one; `trailer` is one header, without a line end."""
        previous, chunks = self.seed, []
        for data in (*pieces, b""):
            digest = hashlib.sha256(data).hexdigest()
            previous = self._signature("AWS4-HMAC-SHA256-PAYLOAD", previous, NOTHING, digest)
            chunks.append(Chunk(size=b"%x" % len(data), signature=previous.encode(), data=data))
        if trailer is None:
            return Upload(chunks=tuple(chunks))
        digest = hashlib.sha256(trailer + b"\n").hexdigest()
        last = self._signature("AWS4-HMAC-SHA256-TRAILER", previous, digest).encode()
        end = b"%s\r\nx-amz-trailer-signature:%s\r\n\r\n" % (trailer, last)
        return Upload(chunks=tuple(chunks), end=end)

    def _signature(self, kind: str, *covered: str) -> str:
        scope = f"{self.stamp[:8]}/{self.region}/s3/aws4_request"
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = "\n".join((kind, self.stamp, scope, *covered))
        return hmac.digest(key, text.encode(), "sha256").hex()


def seed_of(request: SignedRequest) -> str:
    """The signature of a head."""
    return (request.header(b"authorization") or "").rpartition("=")[2]


def signed_upload(
    pieces: Sequence[bytes], trailer: bytes | None = None, signer: Signer | None = None
) -> tuple[SignedRequest, Upload]:
    """A PUT of /b/k and its body, which are rightly signed."""
    signer = signer or Signer(service="s3")
    headers = {"x-amz-decoded-content-length": str(sum(map(len, pieces)))}
    head = signer.sign_named("PUT", "/b/k", headers, SIGNED if trailer is None else SIGNED_TRAILER)
    chunks = ChunkSigner(
        seed=seed_of(head),
        stamp=head.header(b"x-amz-date") or "",
        region=signer.region,
        secret_key=signer.secret_key,
    )
    return head, chunks.upload(pieces, trailer)
