"""Volumes of this machine: each a file system of its size where the machine allows it, else a plain folder.

A limited volume is a file `NAME.volume` next to the folder NAME at which it is mounted. The file is made first and
removed last, and everything else is read from the kernel's mount table, so a crash at any point leaves what `create`
and `remove` of a later run find.
"""

import errno
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from processing_emulator.adapters.disk_space import FULL_BYTES, full_disk, read_disk_space
from processing_emulator.adapters.volumes.image import image_bytes, make_image, mount_image, unmount, write_back
from processing_emulator.adapters.volumes.mounts import mounted_below
from processing_emulator.adapters.volumes.tree import empty_tree, remove_tree
from processing_emulator.errors import DiskFull, StagingFailure

logger = logging.getLogger(__name__)

_SUFFIX = ".volume"
_HELD = "held"

_EXHAUSTED_BYTES = 1024**2
"""A disk with less free than this refuses writes of ordinary programs."""


class LocalVolumes:
    """Implements the port. `find_obstacle` says why volumes below `root` cannot be limited; None if they can."""

    def __init__(self, root: Path, find_obstacle: Callable[[], str | None]) -> None:
        self._root = root
        self._find_obstacle = find_obstacle
        self._lock = threading.Lock()
        self._trying = threading.Lock()
        self._can_limit = False

    def obstacle(self) -> str | None:
        """Why volumes are only watched; None if they are limited. An obstacle is looked for again each time."""
        with self._trying:  # the trial has one folder
            if self._can_limit:
                return None
            found = self._find_obstacle()
            self._can_limit = found is None
            return found

    def create(self, folder: Path, size_bytes: int) -> None:
        """See the port. A volume that the disk has no room for is watched, because a full disk would lose its data."""
        self.remove(folder)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise _translated(error, folder) from error
        image = _image_of(folder)
        if self.obstacle() is not None or not self._make_image(image, size_bytes):
            return
        try:
            mount_image(image, folder)
        except StagingFailure as error:
            image.unlink()
            logger.warning("volume not limited", extra={"folder": str(folder), "error": str(error)})

    def is_there(self, folder: Path) -> bool:
        """See the port."""
        return folder.is_mount() if _image_of(folder).exists() else folder.exists()

    def used_bytes(self, folder: Path) -> int | None:
        """See the port."""
        if not _image_of(folder).exists():
            return None
        try:
            state = os.statvfs(folder)
        except OSError as error:
            raise StagingFailure(f"cannot measure {folder}: {error.strerror}") from error
        return (state.f_blocks - state.f_bfree) * state.f_frsize

    def hold(self, folder: Path, size_bytes: int) -> None:
        """See the port. The file system knows the space as taken; nothing is written, so the disk gives none."""
        if not size_bytes or not _image_of(folder).exists():
            return
        try:
            with (folder / _HELD).open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size_bytes)
        except OSError as error:
            raise _translated(error, folder / _HELD) from error

    def disk_shortage(self, folder: Path) -> str | None:
        """See the port. A limited volume needs some space ahead, because the disk learns late of what is written."""
        if _image_of(folder).exists():
            return full_disk(self._root)
        try:
            space = read_disk_space(folder)
        except OSError:
            return None
        return space.sentence if space.free_bytes < _EXHAUSTED_BYTES or not space.has_files else None

    def confirm(self, folder: Path) -> None:
        """See the port. Costs time only where the disk has less free than the volume holds."""
        used = self.used_bytes(folder)
        if used is not None and read_disk_space(self._root).free_bytes < used and not write_back(folder):
            raise DiskFull(f"the disk of {self._root} was full, and files of the job are incomplete")

    def remove(self, folder: Path) -> None:
        """See the port."""
        for point in mounted_below(folder):
            empty_tree(point)  # data of removed files need not be written before the unmount
            unmount(point)
        for image in (_image_of(folder), *folder.glob(f"*{_SUFFIX}")):
            if image.exists():
                os.truncate(image, 0)  # gives the space back even if another mount namespace still holds the file
                image.unlink()
        remove_tree(folder)

    def _make_image(self, image: Path, size_bytes: int) -> bool:
        """Make the image; False if the disk may become full before all volumes are."""
        with self._lock:
            free = read_disk_space(self._root).free_bytes - FULL_BYTES - self._promised_bytes()
            if free < image_bytes(size_bytes):
                logger.warning(
                    "volume not limited", extra={"folder": str(image.parent), "reason": "the disk has less free"}
                )
                return False
            try:
                make_image(image, size_bytes)
            except StagingFailure as error:
                image.unlink(missing_ok=True)
                logger.warning("volume not limited", extra={"folder": str(image.parent), "error": str(error)})
                return False
        return True

    def _promised_bytes(self) -> int:
        """What existing volumes may still take from the disk."""
        files = (path for job in _entries(self._root) for path in _entries(job))
        return sum(_missing_bytes(path) for path in files if path.suffix == _SUFFIX)


def _entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing if it is none, or has been removed meanwhile: jobs end while others begin."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _missing_bytes(image: Path) -> int:
    """What a sparse file does not take from the disk yet; 0 if it has been removed meanwhile."""
    try:
        state = image.stat()
    except FileNotFoundError:
        return 0
    return max(0, state.st_size - state.st_blocks * 512)


def _image_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _SUFFIX)


def _translated(error: OSError, folder: Path) -> StagingFailure:
    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StagingFailure
    return kind(f"cannot make {folder}: {error.strerror}")
