"""Notices that the file of a running SQLite database was removed, replaced or overwritten.

SQLite goes on with the file that it has open, so what it stores then is gone when the process ends.
"""

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from processing_emulator.errors import StoreLost

_HEADER_BYTES: Final = 72
_MAGIC: Final = b"SQLite format 3\0"
_APPLICATION_ID: Final = struct.Struct(">I")
_ID_OFFSET: Final = 68
_HINT: Final = "Stop the server, put the file back if it has a copy, and start the server again."


class DatabaseFile:
    """The file as it was at the start. Each database has a random application id, which is in the file's header."""

    def __init__(self, path: Path, identify: Callable[[], int]) -> None:
        """`identify` returns the database's application id, which it gives to a database that has none."""
        self._path = path
        self._identify = identify
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._id = 0
        self._is_identified = False

    def watch(self) -> None:
        """Begin: the database has its tables by now."""
        self._id = self._identify()
        # Kept open: closing any descriptor of the file would end the locks that SQLite has on it (POSIX).
        self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        # The id is still in SQLite's log alone where a full disk kept it from being written to the file.
        self._is_identified = self._id_in(os.pread(self._descriptor, _HEADER_BYTES, 0)) == self._id

    def check(self) -> None:
        """Raises StoreLost. Costs a few microseconds."""
        with self._lock:
            if self._descriptor is None:
                return
            problem = self._problem(self._descriptor)
        if problem:
            raise StoreLost(f"The database file {self._path} was {problem} while the server runs. {_HINT}")

    def close(self) -> None:
        """End, after SQLite has closed the file."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _problem(self, descriptor: int) -> str | None:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return "removed"
        if not os.path.samestat(there, os.fstat(descriptor)):
            return "replaced by another"
        if self._is_identified and self._id_in(os.pread(descriptor, _HEADER_BYTES, 0)) != self._id:
            return "overwritten"
        return None

    @staticmethod
    def _id_in(header: bytes) -> int | None:
        if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
            return None
        found: int = _APPLICATION_ID.unpack_from(header, _ID_OFFSET)[0]
        return found
