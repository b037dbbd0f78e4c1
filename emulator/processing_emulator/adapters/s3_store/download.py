"""Downloads objects to files that appear only when complete and that any user in a container may change."""

import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path

from processing_emulator.adapters.s3_store.connection import Connection, Request
from processing_emulator.adapters.s3_store.errors import changed_since_listed, on_disk
from processing_emulator.adapters.s3_store.parts import DOWNLOAD, Part, iter_parts
from processing_emulator.adapters.s3_store.transfer_pool import Task
from processing_emulator.domain.staging import PlannedFile, StoredObject
from processing_emulator.errors import UnsafePath
from processing_emulator.ports import TransferMeter

FILE_MODE = 0o666
"""A container may run as any user and may change its inputs."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Downloads:
    """The files of one download."""

    def __init__(self, folder: Path, meter: TransferMeter) -> None:
        self._folder = folder
        self._meter = meter
        self._large: list[_PartialFile] = []

    def iter_tasks(self, files: Sequence[PlannedFile]) -> Iterator[Task]:
        """One task for a small object, one for each part of a large object. Raises UnsafePath."""
        for planned in files:
            parts = list(iter_parts(planned.source.size_bytes, DOWNLOAD))
            file = _PartialFile(_inside(self._folder, planned), planned.source.file_time_ns, parts=len(parts))
            if len(parts) > 1:
                self._large.append(file)
            for part in parts:
                yield _DownloadPart(planned.source, part, file, self._meter)

    def discard_unfinished(self) -> None:
        """Remove incomplete files. Call it when no task is running any more."""
        for file in self._large:
            file.discard()


def _inside(folder: Path, planned: PlannedFile) -> str:
    if planned.path.startswith("/") or ".." in planned.path.split("/") or "\0" in planned.path:
        raise UnsafePath(f"object key {planned.source.key!r} would leave its folder")
    return os.path.join(folder, planned.path)  # noqa: PTH118  (called for every file)


class _PartialFile:
    """A file with a temporary name until its last part is written. Several threads may write parts."""

    def __init__(self, path: str, time_ns: int | None, *, parts: int) -> None:
        self._path = path
        self._time_ns = time_ns
        self._lock = threading.Lock()
        self._parts_missing = parts
        self._temporary = ""
        self._fd = -1

    def open(self) -> int:
        """The descriptor to write to; the first call creates the file."""
        with self._lock:
            if self._fd < 0:
                folder = os.path.dirname(self._path)  # noqa: PTH120
                self._temporary = f"{folder}/.~{secrets.token_hex(8)}"
                self._fd = os.open(self._temporary, _CREATE, FILE_MODE)
                os.fchmod(self._fd, FILE_MODE)
            return self._fd

    def part_written(self) -> bool:
        """Count a part; the last one renames the file to its final name, and is answered with True."""
        with self._lock:
            self._parts_missing -= 1
            if self._parts_missing:
                return False
            if self._time_ns is not None:
                os.utime(self._fd, ns=(self._time_ns, self._time_ns))
            os.close(self._fd)
            self._fd = -1
            os.rename(self._temporary, self._path)  # noqa: PTH104
            self._temporary = ""
            return True

    def discard(self) -> None:
        """Remove the temporary file, if there is one."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            if self._temporary:
                os.unlink(self._temporary)  # noqa: PTH108
                self._temporary = ""


class _DownloadPart:
    """The task that downloads one part of an object; after a broken connection, the bytes that are missing."""

    __slots__ = ("_file", "_meter", "_part", "_received", "_source")

    def __init__(self, source: StoredObject, part: Part, file: _PartialFile, meter: TransferMeter) -> None:
        self._source = source
        self._part = part
        self._file = file
        self._meter = meter
        self._received = 0

    def __call__(self, connection: Connection) -> Sequence[Task]:
        key = self._source.key
        try:
            with on_disk(f"write the file of object key {key!r}"):
                fd = self._file.open()
            connection.request(
                self._rest(), lambda response: self._receive(response, connection.buffer, fd), resumed=self._rest
            )
            with on_disk(f"write the file of object key {key!r}"):
                is_complete = self._file.part_written()
            if is_complete:
                self._meter.add(objects=1)
        except BaseException:
            if self._part.is_whole:
                self._file.discard()
            raise
        return ()

    def _rest(self) -> Request:
        """The request for the bytes that are missing. Without an ETag, two responses may be of different versions."""
        if not self._source.etag or self._received == self._part.size_bytes:
            self._start_again()
        return get_request(self._source, self._part.after(self._received))

    def _start_again(self) -> None:
        if self._received:
            self._meter.add(size_bytes=-self._received)
            self._received = 0

    def _receive(self, response: HTTPResponse, buffer: bytearray, fd: int) -> None:
        """Write the body where it belongs. Raises ConnectionError when the body ends early."""
        if self._part.is_whole and response.status == HTTPStatus.OK:
            self._start_again()  # the store sends the whole object, whatever was asked for
        if response.length not in (self._part.size_bytes - self._received, None):
            raise changed_since_listed()
        view = memoryview(buffer)
        while read := response.readinto(buffer):
            with on_disk(f"write the file of object key {self._source.key!r}"):
                _write_all(fd, view[:read], self._part.offset + self._received)
            self._received += read
            self._meter.add(size_bytes=read)
        if self._received != self._part.size_bytes:
            raise ConnectionError(f"the body ended after {self._received} of {self._part.size_bytes} bytes")


def get_request(source: StoredObject, part: Part) -> Request:
    """The request for one part of the listed version of an object."""
    headers = {}
    if source.etag:
        headers["if-match"] = f'"{source.etag}"'
    if not part.is_whole:
        headers["range"] = f"bytes={part.offset}-{part.offset + part.size_bytes - 1}"
    return Request(
        operation="GetObject",
        about=f"s3://{source.bucket}/{source.key}",
        method="GET",
        bucket=source.bucket,
        key=source.key,
        headers=headers,
    )


def _write_all(fd: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written
