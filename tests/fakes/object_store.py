"""An object store in memory that keeps every rule of the port and can be made to fail like real ones."""

import errno
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from processing_emulator.domain.job import Transfer
from processing_emulator.domain.staging import FileVersion, PlannedFile, StoredObject
from processing_emulator.errors import (
    Cancelled,
    DiskFull,
    ObjectStoreRefused,
    ObjectStoreUnreachable,
    StagingFailure,
    UnsafePath,
)
from processing_emulator.ports import CancelToken, Changes, LocalFile, TransferMeter
from processing_emulator.untrusted_folder import open_file

CHUNK_BYTES = 1024**2


class MemoryObjectStore:
    """Implements `ports.ObjectStore`; `buckets` exist from the start."""

    def __init__(self, *buckets: str) -> None:
        self._lock = threading.RLock()
        self._buckets: dict[str, dict[str, bytes]] = {bucket: {} for bucket in buckets}
        self._modified: dict[tuple[str, str], datetime] = {}
        self._denied: set[str] = set()
        self._is_down = False
        self._files_until_full: int | None = None

    # --- what a test arranges and looks at ---

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket, unless it is there."""
        with self._lock:
            self._buckets.setdefault(bucket, {})

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store an object; its bucket is created if it does not exist."""
        with self._lock:
            self._buckets.setdefault(bucket, {})[key] = body
            self._modified[bucket, key] = datetime.now(UTC)

    def get(self, bucket: str, key: str) -> bytes:
        """The content of an object; KeyError without it."""
        with self._lock:
            return self._buckets[bucket][key]

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; KeyError without it."""
        with self._lock:
            del self._buckets[bucket][key]

    def keys(self, bucket: str) -> list[str]:
        """All keys in UTF-8 order; none for a bucket that does not exist."""
        with self._lock:
            return sorted(self._buckets.get(bucket, {}), key=str.encode)

    def deny(self, bucket: str) -> None:
        """From now on everything in this bucket is AccessDenied."""
        self._denied.add(bucket)

    def go_down(self) -> None:
        """From now on the store does not answer."""
        self._is_down = True

    def come_back(self) -> None:
        """From now on it answers again."""
        self._is_down = False

    def fill_disk_after(self, files: int) -> None:
        """Let that many more files be downloaded; the next one finds the disk full."""
        self._files_until_full = files

    # --- the port ---

    def iter_objects(self, bucket: str, prefix: str, cancel: CancelToken) -> Iterator[StoredObject]:
        """See the port."""
        _check(cancel)
        objects = self._bucket(bucket, f"ListObjectsV2 failed for s3://{bucket}/{prefix}. nextToken:[null]")
        with self._lock:
            found = [self._described(bucket, key, body) for key, body in objects.items() if key.startswith(prefix)]
        return iter(sorted(found, key=lambda stored: stored.key.encode()))

    def head(self, bucket: str, key: str, cancel: CancelToken) -> StoredObject:
        """See the port."""
        _check(cancel)
        return self._described(bucket, key, self._content("HeadObject", bucket, key))

    def head_all(self, bucket: str, keys: Sequence[str], cancel: CancelToken) -> Sequence[StoredObject]:
        """See the port."""
        _check(cancel)
        return [self.head(bucket, key, cancel) for key in keys]

    def read(self, bucket: str, key: str, limit_bytes: int, cancel: CancelToken) -> bytes:
        """See the port."""
        _check(cancel)
        body = self._content("GetObject", bucket, key)
        if len(body) > limit_bytes:
            raise StagingFailure(f"s3://{bucket}/{key} has {len(body)} bytes; at most {limit_bytes} are read")
        return body

    @contextmanager
    def open_stream(self, source: StoredObject, cancel: CancelToken, offset: int = 0) -> Iterator[Iterator[bytes]]:
        """See the port."""
        _check(cancel)
        yield self._chunks(source, cancel, offset)

    def _chunks(self, source: StoredObject, cancel: CancelToken, offset: int) -> Iterator[bytes]:
        if offset == 0 and source.size_bytes == 0:
            yield self._object(source)
        for start in range(offset, source.size_bytes, CHUNK_BYTES):
            _check(cancel)
            yield self._object(source)[start : start + CHUNK_BYTES]

    def download(
        self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Transfer:
        """See the port."""
        for planned in files:
            _check(cancel)
            if planned.path.startswith("/") or ".." in planned.path.split("/"):
                raise UnsafePath(f"object key {planned.source.key!r} would leave its folder")
            body = self._object(planned.source)
            self._take_room(folder / planned.path)
            _write(folder / planned.path, body, planned.source.file_time_ns)
            if meter is not None:
                meter.add(objects=1, size_bytes=len(body))
        return Transfer(objects=len(files), size_bytes=sum(f.source.size_bytes for f in files), seconds=0.0)

    def upload(self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None) -> Transfer:
        """See the port."""
        size = 0
        for local in files:
            _check(cancel)
            body = _read(local)
            objects = self._bucket(local.bucket, f"PutObject failed for s3://{local.bucket}/{local.key}")
            with self._lock:
                objects[local.key] = body
                self._modified[local.bucket, local.key] = datetime.now(UTC)
            size += len(body)
            if meter is not None:
                meter.add(objects=1, size_bytes=len(body))
        return Transfer(objects=len(files), size_bytes=size, seconds=0.0)

    def upload_changes(
        self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Changes:
        """See the port."""
        uploaded, size, unchanged = 0, 0, 0
        left_out: dict[LocalFile, StagingFailure] = {}
        for local in files:
            try:
                if self._has(local):
                    unchanged += 1
                    continue
                sent = self.upload([local], cancel, meter)
                uploaded, size = uploaded + 1, size + sent.size_bytes
            except ObjectStoreUnreachable:
                raise
            except StagingFailure as error:
                left_out[local] = error
        transfer = Transfer(objects=uploaded, size_bytes=size, seconds=0.0)
        return Changes(uploaded=transfer, unchanged=unchanged, left_out=left_out)

    def _has(self, local: LocalFile) -> bool:
        """Whether the object has the content of the file, which must be the version that was found."""
        if self._is_down:
            raise ObjectStoreUnreachable(f"HeadObject failed for s3://{local.bucket}/{local.key}: the store is down")
        body = _read(local)
        with os.fdopen(open_file(local.root, local.path), "rb") as file:
            if FileVersion.of(os.fstat(file.fileno())) != local.version:
                raise StagingFailure(f"output file {local.root / local.path} was changed while it was uploaded")
        with self._lock:
            return self._buckets.get(local.bucket, {}).get(local.key) == body

    def _bucket(self, bucket: str, failed: str) -> dict[str, bytes]:
        if self._is_down:
            raise ObjectStoreUnreachable(f"{failed}: Unable to execute request to S3: the store is down")
        if bucket in self._denied:
            raise ObjectStoreRefused(f"{failed}: AccessDenied (403): Access Denied", code="AccessDenied", status=403)
        if bucket not in self._buckets:
            sentence = f"{failed}: NoSuchBucket (404): The specified bucket does not exist"
            raise ObjectStoreRefused(sentence, code="NoSuchBucket", status=404)
        return self._buckets[bucket]

    def _described(self, bucket: str, key: str, body: bytes) -> StoredObject:
        modified_at = self._modified[bucket, key]
        return StoredObject(bucket=bucket, key=key, size_bytes=len(body), etag=_etag(body), modified_at=modified_at)

    def _content(self, operation: str, bucket: str, key: str) -> bytes:
        failed = f"{operation} failed for s3://{bucket}/{key}"
        body = self._bucket(bucket, failed).get(key)
        if body is None:
            sentence = f"{failed}: NoSuchKey (404): The specified key does not exist."
            raise ObjectStoreRefused(sentence, code="NoSuchKey", status=404)
        return body

    def _object(self, source: StoredObject) -> bytes:
        failed = f"GetObject failed for s3://{source.bucket}/{source.key}"
        body = self._content("GetObject", source.bucket, source.key)
        if len(body) != source.size_bytes or source.etag not in ("", _etag(body)):
            sentence = f"{failed}: PreconditionFailed (412): the object has changed since it was listed"
            raise ObjectStoreRefused(sentence, code="PreconditionFailed", status=412)
        return body

    def _take_room(self, path: Path) -> None:
        if self._files_until_full is None:
            return
        if self._files_until_full == 0:
            raise DiskFull(f"cannot write {path}: No space left on device")
        self._files_until_full -= 1


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _check(cancel: CancelToken) -> None:
    if cancel.is_set():
        raise Cancelled("the transfer was cancelled")


def _write(path: Path, body: bytes, time_ns: int | None) -> None:
    temporary = path.with_name(".~partial")
    try:
        temporary.write_bytes(body)
        temporary.chmod(0o666)
        if time_ns is not None:
            os.utime(temporary, ns=(time_ns, time_ns))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StagingFailure(f"cannot write {path}: {error.strerror}") from error


def _read(local: LocalFile) -> bytes:
    try:
        with os.fdopen(open_file(local.root, local.path), "rb") as file:
            return file.read()
    except OSError as error:
        kind = UnsafePath if error.errno in (errno.ELOOP, errno.ENXIO) else StagingFailure
        raise kind(f"cannot read output file {local.root / local.path}: {error.strerror}") from error
