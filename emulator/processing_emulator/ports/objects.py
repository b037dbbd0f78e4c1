"""The S3 store."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from processing_emulator.domain.job import Transfer
from processing_emulator.domain.staging import FileVersion, PlannedFile, StoredObject
from processing_emulator.errors import StagingFailure
from processing_emulator.ports.timing import CancelToken


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A regular file to be uploaded, and its key. `version` is that of the moment it was found.

    Everything below `root` may be a container's: the folders of `path` are never followed through a link.
    """

    root: Path
    path: str
    bucket: str
    key: str
    version: FileVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What `upload_changes` has done: uploaded, found in the store already, and left out, with the reason of each."""

    uploaded: Transfer
    unchanged: int
    left_out: Mapping[LocalFile, StagingFailure]


class TransferMeter(Protocol):
    """Counts what a transfer has moved. Called from several threads; returns at once."""

    def add(self, *, objects: int = 0, size_bytes: int = 0) -> None:
        """So much more is done; less, when a file has to be started again."""
        ...


class ObjectStore(Protocol):
    """An S3 store. Busy responses and broken connections are retried.

    Every call raises ObjectStoreRefused (with S3's code: NoSuchBucket, NoSuchKey, AccessDenied, ...) for an error
    response, ObjectStoreUnreachable, and Cancelled soon after `cancel` is set. Transfers of files run in parallel, in
    a bounded pool that all jobs share.
    """

    def iter_objects(self, bucket: str, prefix: str, cancel: CancelToken) -> Iterator[StoredObject]:
        """All objects whose key starts with the prefix, in UTF-8 order."""
        ...

    def head(self, bucket: str, key: str, cancel: CancelToken) -> StoredObject:
        """Size, ETag and time of modification of one object."""
        ...

    def head_all(self, bucket: str, keys: Sequence[str], cancel: CancelToken) -> Sequence[StoredObject]:
        """The same for many objects, in the order of the keys; requested in parallel, in the pool."""
        ...

    def read(self, bucket: str, key: str, limit_bytes: int, cancel: CancelToken) -> bytes:
        """The content of a small object. Raises StagingFailure when it is larger than the limit."""
        ...

    def open_stream(
        self, source: StoredObject, cancel: CancelToken, offset: int = 0
    ) -> AbstractContextManager[Iterator[bytes]]:
        """The content of this version of an object from `offset` on, in chunks of at most a few MiB, in order.

        The consumer may take its time: a chunk is requested when it is asked for. A connection that breaks is resumed
        where it broke. Raises ObjectStoreRefused (PreconditionFailed) when the object has changed, and, like the calls
        above, while the stream is opened or read.
        """
        ...

    def download(
        self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Transfer:
        """Download all files below `folder`, whose sub-folders exist. A file appears only when it is complete.

        Also raises DiskFull and UnsafePath, and ObjectStoreRefused (PreconditionFailed) for a changed object.
        """
        ...

    def upload(self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None) -> Transfer:
        """Upload all files; symlinks are never followed. Also raises StagingFailure, UnsafePath, and
        DiskFull when the store reports an error and its disk is known to be full."""
        ...

    def upload_changes(
        self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Changes:
        """Upload files that others may be writing to, unless the store has the same content under their keys.

        An object always is one version of its file. A file that is not the given version any more, or cannot be read,
        and one that the store refuses (4xx), is left out; what is there under its key stays. Raises as `upload` does
        when the store is away, broken or full.
        """
        ...
