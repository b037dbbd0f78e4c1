"""Puts the content of one file under another name: as a link, as a clone that shares its blocks, or as a copy."""

import errno
import fcntl
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o666
"""A container may run as any user and may change its inputs."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FICLONE = 0x40049409
"""Linux: let a file share the blocks of another. Btrfs, XFS and some others can."""
_CHUNK_BYTES = 1024**2

CANNOT_LINK = frozenset({errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP})
"""Too many links, another file system, or one without links."""


def link(source: str | Path, target: str | Path) -> None:
    """Make `target` another name of a file, in the place of any file of that name. Raises OSError."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        Path(target).unlink()
        os.link(source, target, follow_symlinks=False)


def copy(source: str | Path, target: Path) -> os.stat_result:
    """Make `target` a file of its own with the content and time of another, once that is complete; the source's state.

    Raises OSError, and what is not a regular file is not read.
    """
    temporary = target.with_name(f".~{secrets.token_hex(8)}")
    reading = os.open(source, _READ)
    try:
        state = _regular(reading)
        writing = os.open(temporary, _CREATE, FILE_MODE)
        try:
            os.fchmod(writing, FILE_MODE)
            _copy_content(reading, writing)
            os.utime(writing, ns=(state.st_mtime_ns, state.st_mtime_ns))
        finally:
            os.close(writing)
        temporary.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    finally:
        os.close(reading)
    return state


def _regular(fd: int) -> os.stat_result:
    state = os.fstat(fd)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return state


def _copy_content(reading: int, writing: int) -> None:
    try:
        fcntl.ioctl(writing, _FICLONE, reading)
    except OSError:  # another system, another file system, or one without clones
        while chunk := os.read(reading, _CHUNK_BYTES):
            view = memoryview(chunk)
            while view:
                view = view[os.write(writing, view) :]
