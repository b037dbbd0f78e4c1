"""Finds disk space that no name leads to: files that the processes of a container have removed and hold open.

Linux shows the open files of a process only to root and to its own user.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from processing_emulator.adapters.docker_runtime.usage import find_cgroup

_BLOCK_BYTES = 512
"""The unit of `st_blocks`."""


def container_pids(container_id: str, pid: int, root: Path = Path("/")) -> frozenset[int]:
    """The processes of a container, found by its first one; none if its cgroup cannot be read here."""
    files = find_cgroup(container_id, pid, root)
    if files is None:
        return frozenset()
    found: set[int] = set()
    for listing in files.memory.parent.rglob("cgroup.procs"):
        try:
            found.update(int(line) for line in listing.read_text().split())
        except OSError:
            continue  # a group that has just ended
    return frozenset(found)


def unlinked_bytes(pids: Iterable[int], folder: Path, root: Path = Path("/")) -> int:
    """The space of files on the file system of `folder` that have no name, each counted once."""
    device = folder.stat().st_dev
    held = {
        state.st_ino: state.st_blocks * _BLOCK_BYTES
        for pid in pids
        for state in _open_files(root / f"proc/{pid}/fd")
        if state.st_dev == device and state.st_nlink == 0 and stat.S_ISREG(state.st_mode)
    }
    return sum(held.values())


def _open_files(folder: Path) -> Iterator[os.stat_result]:
    try:
        descriptors = list(folder.iterdir())
    except OSError:
        return  # ended, or another user's
    for descriptor in descriptors:
        try:
            yield descriptor.stat()
        except OSError:
            continue  # closed meanwhile
