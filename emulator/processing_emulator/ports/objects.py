"""The S3 store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from processing_emulator.domain.job import (
    Transfer,
)
from processing_emulator.domain.staging import PlannedFile, StoredObject
from processing_emulator.ports.timing import CancelToken


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A regular file to be uploaded, and its key."""

    path: Path
    bucket: str
    key: str
    size_bytes: int


class ObjectStore(Protocol):
    """An S3 store. Transfers run in parallel, in a bounded pool shared by all jobs."""

    def iter_objects(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """All objects whose key starts with the prefix, in UTF-8 order.

        Raises ObjectStoreRefused (NoSuchBucket, AccessDenied, ...), ObjectStoreUnreachable.
        """
        ...

    def download(self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken) -> Transfer:
        """Fetch all files below `folder`, whose sub-folders exist; files appear whole or not at all.

        Raises ObjectStoreRefused, ObjectStoreUnreachable, DiskFull, UnsafePath, Cancelled.
        """
        ...

    def upload(self, files: Sequence[LocalFile], cancel: CancelToken) -> Transfer:
        """Store all files; symlinks are never followed. Raises as `download` does."""
        ...
