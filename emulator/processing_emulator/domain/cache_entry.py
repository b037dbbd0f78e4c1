"""What the cache of inputs keeps: one file for each version of an object, with all that is known of it in its name."""

import hashlib
import re
from dataclasses import dataclass

from processing_emulator.domain.staging import StoredObject

CACHE_TAG = "processing-emulator:cache"
"""The tag by which a job says whether its inputs may come from the cache and be kept there."""

CACHE_TAG_VALUES = ("on", "off")

_DIGEST_DIGITS = 40
_BLOCK_BYTES = 4096
_NAME = re.compile(r"([0-9a-f]{40})\.([0-9]+)\.(-?[0-9]+)\.([0-9]+)\.([0-9]+)")
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """One file of the cache. `inode` and `modified_ns` tell whether it is still the file that was checked and kept.

    `kept_at` is in seconds since the epoch.
    """

    digest: str
    size_bytes: int
    modified_ns: int
    inode: int
    kept_at: int

    @property
    def disk_bytes(self) -> int:
        """What it counts towards the limit."""
        return on_disk(self.size_bytes)

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.digest}.{self.size_bytes}.{self.modified_ns}.{self.inode}.{self.kept_at}"


def on_disk(size_bytes: int) -> int:
    """What a file takes on a disk: whole blocks, and one for an empty file."""
    return max(1, -(-size_bytes // _BLOCK_BYTES)) * _BLOCK_BYTES


def parse_entry(name: str) -> CacheEntry | None:
    """The entry of a file's name; None for a file that is not the cache's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    size, modified, inode, kept = (int(match[number]) for number in range(2, 6))
    return CacheEntry(digest=match[1], size_bytes=size, modified_ns=modified, inode=inode, kept_at=kept)


def digest_of(endpoint: str, source: StoredObject) -> str | None:
    """The same for the same version of an object in the same store; None when the store does not tell versions apart.

    `endpoint` names the store.
    """
    if not source.etag:
        return None
    # S3 allows no NUL in bucket names and ETags, and the key comes last, so that no two versions have one text.
    text = "\0".join((endpoint, source.bucket, source.etag, str(source.size_bytes), source.key))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGEST_DIGITS]


def md5_of(etag: str) -> str | None:
    """The MD5 of the content that an ETag may be; None for one that cannot be, as those of multipart uploads."""
    return etag if _MD5.fullmatch(etag) else None
