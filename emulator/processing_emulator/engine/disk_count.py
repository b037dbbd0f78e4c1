"""Counts the disk space of an instance's files while its container runs, in another process, now and then."""

import subprocess
from collections.abc import Callable

from processing_emulator.engine.workspace import Workspace, counted

COUNT_WAIT_SECONDS = 0.05
"""How long to wait for a count; small trees are counted by then."""

DISK_SHARE = 0.02
"""Counting may take this share of the time, no more: large trees are counted less often."""

PAUSE_SECONDS = 1.0
"""The shortest time between two counts: the start of a process costs more than to count a small tree."""


class DiskCount:
    """The files of one instance. Used by one thread."""

    def __init__(self, workspace: Workspace, monotonic: Callable[[], float]) -> None:
        self._workspace = workspace
        self._monotonic = monotonic
        self._process: subprocess.Popen[str] | None = None
        self._began = 0.0
        self._due = 0.0
        self.bytes = 0

    def count(self, moment: float) -> bool:
        """Read the count that was begun, or begin one when it is due; never wait long. True if it is new."""
        if self._process is None and moment >= self._due:
            self._process, self._began = self._workspace.start_counting(), moment
        if self._process is None:
            return False
        used = counted(self._process, COUNT_WAIT_SECONDS)
        if self._process.returncode is None:
            return False
        spent = self._monotonic() - self._began
        self._process, self._due = None, moment + max(PAUSE_SECONDS, spent / DISK_SHARE)
        if used is not None:
            self.bytes = used
        return used is not None

    def stop(self) -> None:
        """End a count that is running."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
