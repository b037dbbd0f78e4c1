"""Finds, opens and names files in a folder that a container may be changing at the same time, never through a link.

Every folder on the way is opened by its name in the folder above it, and the kernel refuses a link there (O_NOFOLLOW).
So a container that puts links in the place of its folders, at whatever moment, leads nobody outside.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATH_LIMIT_BYTES = 4096
"""Folders further down are not entered: no object has so long a key."""

_THROUGH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Do not block on a FIFO that has replaced the file."""

_NOT_A_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


def open_file(root: Path, path: str) -> int:
    """A descriptor for reading `path` below `root`. Raises OSError, and ENXIO for anything but a regular file."""
    folder, _, name = path.rpartition("/")
    with _opened_folder(root, folder, _THROUGH) as above:
        _check_no_device(os.stat(name, dir_fd=above, follow_symlinks=False))
        fd = os.open(name, _FILE, dir_fd=above)
    try:
        _check_regular(os.fstat(fd))
    except OSError:
        os.close(fd)
        raise
    return fd


def link_into(source: Path, root: Path, path: str) -> None:
    """Give a file a second name, `path` below `root`. Raises OSError, also when something else has that name."""
    folder, _, name = path.rpartition("/")
    with _opened_folder(root, folder, _THROUGH) as above:
        try:
            os.link(source, name, dst_dir_fd=above, follow_symlinks=False)
        except FileExistsError:
            if not _is_same(source, name, above):
                raise


def unlink_from(source: Path, root: Path, path: str) -> None:
    """Take the name away that `link_into` gave, unless something else has it by now. Raises OSError."""
    folder, _, name = path.rpartition("/")
    with _opened_folder(root, folder, _THROUGH) as above:
        if _is_same(source, name, above):
            os.unlink(name, dir_fd=above)


def _is_same(source: Path, name: str, folder: int) -> bool:
    return os.path.samestat(source.lstat(), os.stat(name, dir_fd=folder, follow_symlinks=False))


def is_folder(root: Path, path: str) -> bool:
    """Whether `path` and all above it up to `root` are folders, not links. Raises OSError when that is unknown."""
    try:
        with _opened_folder(root, path, _THROUGH):
            return True
    except OSError as error:
        if error.errno in _NOT_A_FOLDER:
            return False
        raise


def iter_entries(root: Path, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below a folder but folders, by its path below `root`, with its own status: a link is a link.

    What vanishes meanwhile is left out. Raises OSError for a folder that cannot be read.
    """
    pending = [folder]
    while pending:
        path = pending.pop()
        if len(os.fsencode(path)) > PATH_LIMIT_BYTES:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        try:
            with _opened_folder(root, path, _FOLDER) as fd, os.scandir(fd) as entries:
                for entry in entries:
                    below = f"{path}/{entry.name}"
                    status = _status(entry)
                    if status is None:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(below)
                    else:
                        yield below, status
        except OSError as error:
            if error.errno not in _NOT_A_FOLDER:
                raise


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _check_no_device(status: os.stat_result) -> None:
    """Raise ENXIO before a device is opened, which may have effects of its own. The kernel refuses links by itself."""
    if not stat.S_ISLNK(status.st_mode):
        _check_regular(status)


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.ENXIO, "Not a regular file")


@contextmanager
def _opened_folder(root: Path, path: str, flags: int) -> Iterator[int]:
    """A descriptor of a folder below `root`; `flags` are for the last one."""
    parts = [part for part in path.split("/") if part]
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for number, part in enumerate(parts, start=1):
            below = os.open(part, flags if number == len(parts) else _THROUGH, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)
