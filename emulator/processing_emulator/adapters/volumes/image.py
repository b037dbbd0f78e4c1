"""A file system in a sparse file, mounted through a loop device: the kernel itself bounds what it holds.

The programs are those of e2fsprogs and util-linux. The kernel frees the loop device when the file system is unmounted,
so that no device is left behind by a crash.
"""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from processing_emulator.errors import StagingFailure

PROGRAMS = ("mke2fs", "mount", "umount", "sync")

_MIB = 1024**2

_UNMOUNT_ATTEMPTS = 20
_UNMOUNT_PAUSE_SECONDS = 0.05

_FORMAT = (
    "-q",
    "-F",
    "-t",
    "ext4",
    "-m",
    "0",  # no space is kept for root
    "-O",
    "^has_journal",  # nothing is recovered after a restart of the machine, and syncs of the journal cost time
    "-E",
    "nodiscard,lazy_itable_init=1",  # writes some kilobytes however large the file system is
)


def image_bytes(size_bytes: int) -> int:
    """The size of a file whose file system has at least `size_bytes` for files: inodes and tables take 1.6 percent."""
    return size_bytes * 102 // 100 + 32 * _MIB


def make_image(image: Path, size_bytes: int) -> None:
    """Make the file, which takes no space yet. Raises StagingFailure."""
    try:
        with image.open("xb") as file:
            file.truncate(image_bytes(size_bytes))
    except OSError as error:
        raise StagingFailure(f"cannot make {image}: {error.strerror}") from error
    _run(["mke2fs", *_FORMAT, str(image)])


def mount_image(image: Path, folder: Path) -> None:
    """Mount it. `noinit_itable`: the kernel must not fill the sparse file in the background. Raises StagingFailure."""
    _run(["mount", "-t", "ext4", "-o", "loop,noinit_itable,nodev,nosuid", str(image), str(folder)])


def unmount(folder: Path) -> None:
    """Unmount; a process that is just leaving gets a second. Raises StagingFailure.

    Never lazily: a file system that only looks unmounted keeps its device and its space.
    """
    for attempt in range(1, _UNMOUNT_ATTEMPTS + 1):
        try:
            _run(["umount", str(folder)])
        except StagingFailure as error:
            if attempt == _UNMOUNT_ATTEMPTS:
                raise StagingFailure(f"{error}; find who uses it with: sudo fuser -vm {folder}") from error
            time.sleep(_UNMOUNT_PAUSE_SECONDS)
        else:
            return


def write_back(folder: Path) -> bool:
    """Write a file system's data to its image. False if that failed, now or since the last call."""
    return subprocess.run(["sync", "-f", str(folder)], capture_output=True, check=False).returncode == 0  # noqa: S607


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise StagingFailure(f"cannot run {command[0]}: {error.strerror}") from error
    if done.returncode:
        reason = " ".join(done.stderr.split())[:300] or f"exit code {done.returncode}"
        raise StagingFailure(f"{command[0]} failed: {reason}")
