"""The space that is left on a disk, and a reserve that lets the server start when there is none."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024**2

FULL_BYTES = 64 * _MIB
"""With less than this free, a disk counts as full: the next job or upload would find it so."""

RESERVE_BYTES = 16 * _MIB
"""What a start, and the deletion of everything, needs at most: the database's log and the embedded store's indexes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSpace:
    """What this process may still write below a folder."""

    folder: Path
    free_bytes: int
    has_files: bool
    """Whether another file can be made: a disk may have no inode left."""

    @property
    def is_full(self) -> bool:
        """Whether work will fail for lack of space."""
        return self.free_bytes < FULL_BYTES or not self.has_files

    @property
    def sentence(self) -> str:
        """That the disk is full, and where."""
        if not self.has_files:
            return f"the disk of {self.folder} is full: it has no room for another file (no free inodes)"
        return f"the disk of {self.folder} is full: {self.free_bytes / _MIB:.1f} MiB are free"


def read_disk_space(folder: Path) -> DiskSpace:
    """The space below a folder that exists. Raises OSError."""
    state = os.statvfs(folder)
    return DiskSpace(
        folder=folder,
        free_bytes=state.f_bavail * state.f_frsize,
        has_files=state.f_files == 0 or state.f_favail > 0,  # some file systems have no fixed number of inodes
    )


def full_disk(folder: Path) -> str | None:
    """The sentence for a disk that is full, None for one that is not or cannot be asked."""
    try:
        space = read_disk_space(folder)
    except OSError:
        return None
    return space.sentence if space.is_full else None


class DiskReserve:
    """A file that takes space while there is enough, and gives it back when there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "reserve"

    def hold(self) -> None:
        """Take the space, unless the disk is full or the space is taken already."""
        with contextlib.suppress(OSError):
            if self._path.exists() or read_disk_space(self._folder).free_bytes < FULL_BYTES + RESERVE_BYTES:
                return
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def release(self) -> None:
        """Give it back."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
