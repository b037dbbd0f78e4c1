"""Files on their way out: opened so that nothing but the file itself can be read, and sent without a copy."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from processing_emulator.adapters.s3_store.errors import on_disk
from processing_emulator.adapters.s3_store.lane import BUFFER_BYTES
from processing_emulator.errors import StagingFailure, UnsafePath

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""A link is not followed, and a FIFO that took the file's place does not hold us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A regular file that is open for reading. `identity` tells it from another that takes its name."""

    path: Path
    fd: int
    size_bytes: int
    identity: tuple[int, int]


@contextmanager
def opened(path: Path) -> Iterator[OpenFile]:
    """Open an output file. Raises UnsafePath when it is no regular file, StagingFailure when it cannot be read."""
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
    """A body that is in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size_bytes = len(data)

    def send_to(self, connection: HTTPConnection) -> None:
        """See `lane.Body`."""
        connection.endheaders(self._data)


class FileBody:
    """A range of a file. Raises StagingFailure when the file has become shorter."""

    def __init__(self, file: OpenFile, offset: int, size_bytes: int) -> None:
        self._file = file
        self._offset = offset
        self.size_bytes = size_bytes

    def send_to(self, connection: HTTPConnection) -> None:
        """See `lane.Body`. What is small goes in one packet with the head, the rest straight from the page cache."""
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
