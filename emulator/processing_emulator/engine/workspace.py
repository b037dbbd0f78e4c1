"""The files of one instance on this machine: written before the container runs, read after it."""

import errno
import os
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from processing_emulator.domain.container_contract import MESSAGE_LIMIT_BYTES
from processing_emulator.domain.staging import FileVersion
from processing_emulator.errors import Cancelled, DiskFull, StagingFailure
from processing_emulator.ports import CancelToken
from processing_emulator.untrusted_folder import is_folder, iter_entries

_ANYBODY_FOLDER = 0o777  # the container runs as the user of the image (spec 2.1)


class FoundFile(NamedTuple):
    """A regular file by its path below the output folder."""

    path: str
    version: FileVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputScan:
    """Regular files below an output folder, and the paths of everything else."""

    files: tuple[FoundFile, ...]
    skipped: tuple[str, ...]


class Workspace:
    """Files of one instance below `root`; every folder in it is writable by the container's user.

    The files of the instance in `elsewhere` are counted, too.
    """

    def __init__(self, root: Path, elsewhere: Path | None = None) -> None:
        self.root = root
        self._elsewhere = elsewhere

    def make_folders(self, folders: Sequence[str]) -> None:
        """Create folders, relative to the root, with their parents. Raises DiskFull, StagingFailure."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for folder in folders:
                path = self.root
                for part in Path(folder).parts:
                    path /= part
                    if not path.exists():
                        path.mkdir()
                        path.chmod(_ANYBODY_FOLDER)
        except OSError as error:
            raise _translated(error, "make the job's folders") from error

    def write(self, name: str, content: bytes) -> None:
        """Write a small file. Raises DiskFull, StagingFailure."""
        try:
            (self.root / name).write_bytes(content)
        except OSError as error:
            raise _translated(error, f"write {name}") from error

    def read_message(self) -> bytes:
        """The head of the exit message; empty when it is missing or not a regular file.

        Raises StagingFailure when it may not be read.
        """
        try:
            descriptor = os.open(self.root / "output" / "message", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except PermissionError as error:
            raise _translated(error, "read the exit message") from error
        except OSError:
            return b""
        try:
            is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return os.read(descriptor, MESSAGE_LIMIT_BYTES + 4) if is_regular else b""
        finally:
            os.close(descriptor)

    def scan(self, folder: str, cancel: CancelToken) -> OutputScan:
        """The files to upload below a folder. Links are never followed; only regular files count (spec 4).

        If the container has replaced the folder by something else, which it can do inside another mount, the folder
        itself is skipped. Raises StagingFailure when something cannot be read, and Cancelled: a container may make
        files faster than they are found.
        """
        files: list[FoundFile] = []
        skipped: list[str] = []
        try:
            if not is_folder(self.root, folder):
                return OutputScan(files=(), skipped=(".",))
            for below, status in iter_entries(self.root, folder):
                if cancel.is_set():
                    raise Cancelled
                path = below.removeprefix(f"{folder}/")
                if stat.S_ISREG(status.st_mode):
                    files.append(FoundFile(path, FileVersion.of(status)))
                else:
                    skipped.append(path)
        except OSError as error:
            raise _translated(error, f"read the files below {folder}") from error
        files.sort()
        return OutputScan(files=tuple(files), skipped=tuple(sorted(skipped)))

    def start_counting(self) -> "subprocess.Popen[str]":
        """Start counting the disk space of the instance's files, each hard-linked file once; `counted` has the result.

        This runs in another process because a container may create trees deeper and paths longer than this process
        can walk, and must not delay it.
        """
        folders = [folder for folder in (self.root, self._elsewhere) if folder is not None and folder.exists()]
        return subprocess.Popen(
            ["du", "-sk", "--", *map(str, folders)],  # noqa: S607  # the du of this machine
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def counted(process: "subprocess.Popen[str]", timeout_seconds: float) -> int | None:
    """The bytes that were counted; None while the count is running, or if it failed."""
    try:
        answer, _ = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        return None
    heads = [line.partition("\t")[0] for line in answer.splitlines()]
    return sum(int(head) for head in heads) * 1024 if heads and all(map(str.isdecimal, heads)) else None


def _translated(error: OSError, what: str) -> StagingFailure:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"cannot {what}: {error.strerror}")
    return StagingFailure(f"cannot {what}: {error.strerror}")
