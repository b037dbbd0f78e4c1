"""Opens output files without following links, and sends their content as request bodies without copying it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from processing_emulator.adapters.s3_store.connection import BUFFER_BYTES
from processing_emulator.adapters.s3_store.errors import on_disk
from processing_emulator.domain.staging import FileVersion
from processing_emulator.errors import StagingFailure
from processing_emulator.ports import LocalFile
from processing_emulator.untrusted_folder import open_file


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A regular file open for reading, and its version when it was opened."""

    path: Path
    fd: int
    version: FileVersion

    @property
    def size_bytes(self) -> int:
        """Its size when it was opened."""
        return self.version.size_bytes

    def check_unchanged(self, version: FileVersion) -> None:
        """Raise StagingFailure unless it still is that version."""
        if FileVersion.of(os.fstat(self.fd)) != version:
            raise StagingFailure(f"output file {self.path} was changed while it was uploaded")


@contextmanager
def opened(local: LocalFile) -> Iterator[OpenFile]:
    """Open an output file. Raises UnsafePath for anything but a regular file, StagingFailure when it is unreadable."""
    path = local.root / local.path
    with on_disk(f"read output file {path}"):
        fd = open_file(local.root, local.path)
    try:
        yield OpenFile(path=path, fd=fd, version=FileVersion.of(os.fstat(fd)))
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
