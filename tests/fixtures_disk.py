"""A small file system of its own, for tests that fill it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fixtures_docker import missing

SMALL_DISK_MIB = 192


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._filler = root / "filler"

    def fill(self, *, leave_bytes: int = 0) -> None:
        """Take all space but `leave_bytes`."""
        state = os.statvfs(self.root)
        free = state.f_bavail * state.f_frsize - leave_bytes
        with self._filler.open("ab") as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), file.tell(), free)
        if leave_bytes == 0:
            assert os.statvfs(self.root).f_bavail == 0

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """An empty disk of SMALL_DISK_MIB. Needs the right to mount."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
