"""The MD5 sums by which S3 knows the content of an object: of the whole, or of each part of a multipart upload."""

import base64
import hashlib
import os
import threading
from collections.abc import Sequence

from processing_emulator.adapters.s3_store.errors import on_disk
from processing_emulator.adapters.s3_store.files import OpenFile
from processing_emulator.adapters.s3_store.parts import Part
from processing_emulator.domain.cache_entry import md5_of
from processing_emulator.errors import Cancelled, StagingFailure


def part_digests(file: OpenFile, parts: Sequence[Part], buffer: bytearray, stopped: threading.Event) -> list[bytes]:
    """The MD5 of each part of a file. Raises Cancelled; StagingFailure when the file gets shorter meanwhile."""
    return [_digest(file, part, memoryview(buffer), stopped) for part in parts]


def etag_of(digests: Sequence[bytes]) -> str:
    """The ETag that S3 gives an object with these parts."""
    if len(digests) == 1:
        return digests[0].hex()
    return _multipart_etag(digests)


def _multipart_etag(digests: Sequence[bytes]) -> str:
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def combined_etag(etags: Sequence[str]) -> str | None:
    """The ETag of an object of parts with these ETags; None where the store's ETags are not MD5 sums."""
    plain = [md5_of(etag.strip('"')) for etag in etags]
    if None in plain:
        return None
    return _multipart_etag([bytes.fromhex(md5) for md5 in plain if md5 is not None])


def content_md5(digest: bytes) -> dict[str, str]:
    """The header with which a store refuses (BadDigest) any other content."""
    return {"content-md5": base64.b64encode(digest).decode()}


def _digest(file: OpenFile, part: Part, buffer: memoryview, stopped: threading.Event) -> bytes:
    md5 = hashlib.md5(usedforsecurity=False)
    offset, left = part.offset, part.size_bytes
    while left:
        if stopped.is_set():
            raise Cancelled("the transfer was cancelled")
        with on_disk(f"read output file {file.path}"):
            got = os.preadv(file.fd, [buffer[: min(left, len(buffer))]], offset)
        if not got:
            raise StagingFailure(f"output file {file.path} became shorter while it was uploaded")
        md5.update(buffer[:got])
        offset, left = offset + got, left - got
    return md5.digest()
