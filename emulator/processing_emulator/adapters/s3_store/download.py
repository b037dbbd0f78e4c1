"""Objects become files: whole or not at all, readable and writable by any user of a container."""

import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from http.client import HTTPResponse
from pathlib import Path

from processing_emulator.adapters.s3_store.errors import changed_since_listed, on_disk
from processing_emulator.adapters.s3_store.lane import Lane, Request
from processing_emulator.adapters.s3_store.lanes import Piece
from processing_emulator.adapters.s3_store.parts import DOWNLOAD, Part, iter_parts
from processing_emulator.domain.staging import PlannedFile, StoredObject
from processing_emulator.errors import UnsafePath

FILE_MODE = 0o666
"""Containers run as any user, and may change their inputs."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Arrivals:
    """The files of one download."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._large: list[_Arriving] = []

    def iter_pieces(self, files: Sequence[PlannedFile]) -> Iterator[Piece]:
        """The work: one piece for a small object, one for each part of a large one. Raises UnsafePath."""
        for planned in files:
            parts = list(iter_parts(planned.source.size_bytes, DOWNLOAD))
            arriving = _Arriving(_inside(self._folder, planned), parts=len(parts))
            if len(parts) > 1:
                self._large.append(arriving)
            for part in parts:
                yield _Fetch(planned.source, part, arriving)

    def discard_unfinished(self) -> None:
        """Remove what is there of files that did not arrive; for when no piece runs any more."""
        for arriving in self._large:
            arriving.discard()


def _inside(folder: Path, planned: PlannedFile) -> str:
    if planned.path.startswith("/") or ".." in planned.path.split("/") or "\0" in planned.path:
        raise UnsafePath(f"object key {planned.source.key!r} would leave its folder")
    return os.path.join(folder, planned.path)  # noqa: PTH118  (ten thousands of them)


class _Arriving:
    """A file under a name of its own until its last part is written. Parts may be written by several threads."""

    def __init__(self, path: str, *, parts: int) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._parts_missing = parts
        self._temporary = ""
        self._fd = -1

    def open(self) -> int:
        """The descriptor to write to, made on the first call."""
        with self._lock:
            if self._fd < 0:
                folder = os.path.dirname(self._path)  # noqa: PTH120
                self._temporary = f"{folder}/.~{secrets.token_hex(8)}"
                self._fd = os.open(self._temporary, _CREATE, FILE_MODE)
                os.fchmod(self._fd, FILE_MODE)
            return self._fd

    def part_written(self) -> None:
        """Count a part; after the last one the file takes its name."""
        with self._lock:
            self._parts_missing -= 1
            if self._parts_missing:
                return
            os.close(self._fd)
            self._fd = -1
            os.rename(self._temporary, self._path)  # noqa: PTH104
            self._temporary = ""

    def discard(self) -> None:
        """Remove what is there of a file that did not arrive; nothing when it did."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            if self._temporary:
                os.unlink(self._temporary)  # noqa: PTH108
                self._temporary = ""


class _Fetch:
    """Brings one part of an object."""

    __slots__ = ("_arriving", "_part", "_source")

    def __init__(self, source: StoredObject, part: Part, arriving: _Arriving) -> None:
        self._source = source
        self._part = part
        self._arriving = arriving

    def __call__(self, lane: Lane) -> Sequence[Piece]:
        key = self._source.key
        try:
            with on_disk(f"write the file of object key {key!r}"):
                fd = self._arriving.open()
            lane.perform(self._request(), lambda response: self._receive(response, lane.buffer, fd))
            with on_disk(f"write the file of object key {key!r}"):
                self._arriving.part_written()
        except BaseException:
            if self._part.is_whole:
                self._arriving.discard()
            raise
        return ()

    def _request(self) -> Request:
        source, headers = self._source, {}
        if source.etag:
            headers["if-match"] = f'"{source.etag}"'
        if not self._part.is_whole:
            headers["range"] = f"bytes={self._part.offset}-{self._part.offset + self._part.size_bytes - 1}"
        return Request(
            operation="GetObject",
            about=f"s3://{source.bucket}/{source.key}",
            method="GET",
            bucket=source.bucket,
            key=source.key,
            headers=headers,
        )

    def _receive(self, response: HTTPResponse, buffer: bytearray, fd: int) -> None:
        """Write the body where it belongs. Raises ConnectionError when it ends early."""
        expected, written = self._part.size_bytes, 0
        if response.length not in (expected, None):
            raise changed_since_listed()
        view = memoryview(buffer)
        while read := response.readinto(buffer):
            with on_disk(f"write the file of object key {self._source.key!r}"):
                _write_all(fd, view[:read], self._part.offset + written)
            written += read
        if written != expected:
            raise ConnectionError(f"the body ended after {written} of {expected} bytes")


def _write_all(fd: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written
