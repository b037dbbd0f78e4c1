"""The volume of an instance: the folder that holds its files, and the space they may take."""

from pathlib import Path
from typing import Protocol


class Volumes(Protocol):
    """Volumes on this machine. Each is known by its folder, so that a later run of the emulator finds it again.

    A volume is limited, if the machine allows: a write beyond its size fails with *no space left on device*. Otherwise
    it is watched: somebody has to count its files.
    """

    def create(self, folder: Path, size_bytes: int) -> None:
        """Make an empty volume at `folder`; what was there is removed first. Raises DiskFull, StagingFailure."""
        ...

    def is_there(self, folder: Path) -> bool:
        """Whether a volume that was made still holds its files; a restart of the machine ends a limited one."""
        ...

    def used_bytes(self, folder: Path) -> int | None:
        """The space taken in a limited volume, open files without a name included; None for a watched one.

        Raises StagingFailure.
        """
        ...

    def hold(self, folder: Path, size_bytes: int) -> None:
        """Take space in a limited volume for files that belong to it and lie elsewhere.

        A watched volume is left alone: who counts its files counts those as well. Raises DiskFull, StagingFailure.
        """
        ...

    def disk_shortage(self, folder: Path) -> str | None:
        """A sentence when the machine's disk, not the volume, has no space left for what is written to the volume."""
        ...

    def confirm(self, folder: Path) -> None:
        """Raises DiskFull if files of the volume may be incomplete because the machine's disk was full."""
        ...

    def remove(self, folder: Path) -> None:
        """Remove a folder with all volumes in it; does nothing if it is gone.

        Raises StagingFailure that names what could not be removed, and the command that removes it.
        """
        ...
