"""Opens output files without following links, and sends their content as request bodies without copying it."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from processing_emulator.adapters.s3_store.connection import BUFFER_BYTES
from processing_emulator.adapters.s3_store.errors import on_disk
from processing_emulator.errors import StagingFailure, UnsafePath

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Do not follow a link, and do not block on a FIFO that has replaced the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A regular file open for reading. `identity` changes when another file takes its name."""

    path: Path
    fd: int
    size_bytes: int
    identity: tuple[int, int]


@contextmanager
def opened(path: Path) -> Iterator[OpenFile]:
    """Open an output file. Raises UnsafePath for anything but a regular file, StagingFailure when it is unreadable."""
    with on_disk(f"read output file {path}"):
        fd = os.open(path, _READ)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise UnsafePath(f"output file {path} is not a regular file any more")
        yield OpenFile(path=path, fd=fd, size_bytes=status.st_size, identity=(status.st_dev, status.st_ino))
    finally:
        os.close(fd)


class BytesBody:
    """A body in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size_bytes = len(data)

    def send_to(self, connection: HTTPConnection) -> None:
        """See `connection.Body`."""
        connection.endheaders(self._data)


class FileBody:
    """A range of a file. Raises StagingFailure when the file has become shorter."""

    def __init__(self, file: OpenFile, offset: int, size_bytes: int) -> None:
        self._file = file
        self._offset = offset
        self.size_bytes = size_bytes

    def send_to(self, connection: HTTPConnection) -> None:
        """See `connection.Body`. A small body goes out together with the head, a large one by sendfile."""
        if self.size_bytes <= BUFFER_BYTES:
            with on_disk(f"read output file {self._file.path}"):
                data = os.pread(self._file.fd, self.size_bytes, self._offset)
            self._check_length(len(data))
            connection.endheaders(data)
            return
        connection.endheaders()
        with os.fdopen(self._file.fd, "rb", buffering=0, closefd=False) as file:
            self._check_length(connection.sock.sendfile(file, self._offset, self.size_bytes))

    def _check_length(self, sent_bytes: int) -> None:
        if sent_bytes != self.size_bytes:
            raise StagingFailure(f"output file {self._file.path} became shorter while it was uploaded")
