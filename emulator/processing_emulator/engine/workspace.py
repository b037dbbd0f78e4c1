"""The folder of one instance on this machine: made before the container, read after it, removed with it."""

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from processing_emulator.domain.contract import MESSAGE_LIMIT_BYTES
from processing_emulator.errors import DiskFull, StagingFailure

_ANYBODY_FOLDER = 0o777  # the image's user may be anybody (spec 2.1: the user is the image's)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputScan:
    """Regular files below an output folder, relative paths and sizes, and what was left out and why."""

    files: tuple[tuple[str, int], ...]
    skipped: tuple[str, ...]


class Workspace:
    """Files of one instance below `root`; every folder in it is writable by the container's user."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make_folders(self, folders: Sequence[str]) -> None:
        """Make folders (relative to the root) with all between. Raises DiskFull, StagingFailure."""
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

    def scan(self, folder: str) -> OutputScan:
        """What there is to upload below a folder. Links are never followed; only regular files count (spec 4).

        The container may have put something else in the place of a folder inside another mount; then that is left
        out, by its name. Raises StagingFailure when something cannot be read.
        """
        base = self.root / folder
        if not self._is_real_folder(folder):
            return OutputScan(files=(), skipped=(".",))
        files: list[tuple[str, int]] = []
        skipped: list[str] = []
        try:
            for entry in _walk(base):
                path = os.path.relpath(entry.path, base)
                if entry.is_file(follow_symlinks=False):
                    files.append((path, entry.stat(follow_symlinks=False).st_size))
                else:
                    skipped.append(path)
        except OSError as error:
            raise _translated(error, f"read the files below {folder}") from error
        files.sort()
        return OutputScan(files=tuple(files), skipped=tuple(sorted(skipped)))

    def _is_real_folder(self, folder: str) -> bool:
        """Whether every step from the root to a folder is a folder itself, and no link to one."""
        path = self.root
        for part in Path(folder).parts:
            path /= part
            if not os.path.lexists(path) or not stat.S_ISDIR(path.lstat().st_mode):
                return False
        return True

    def start_counting(self) -> "subprocess.Popen[str]":
        """Begin to count the disk space that the instance's files take, each hard-linked file once.

        A process of its own: a container may make trees deeper and paths longer than this process can walk, and it
        must not wait for them. `counted` reads its answer.
        """
        return subprocess.Popen(
            ["du", "-sk", "--", str(self.root)],  # noqa: S607  # whichever du this machine has
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def remove(self) -> None:
        """Remove everything; nothing happens when it is gone. Raises StagingFailure naming what could not be."""
        try:
            shutil.rmtree(self.root)
        except (OSError, RecursionError):
            # A container may nest folders deeper than Python's own removal goes.
            done = subprocess.run(["rm", "-rf", "--", str(self.root)], capture_output=True, text=True, check=False)  # noqa: S607
            if done.returncode:
                raise StagingFailure(
                    f"cannot remove {self.root}: {done.stderr.strip()[:300]}; remove it with: sudo rm -rf {self.root}"
                ) from None


def counted(process: "subprocess.Popen[str]", timeout_seconds: float) -> int | None:
    """Bytes, once the count is done; None while it goes on, or when there is no answer."""
    try:
        answer, _ = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        return None
    head = answer.split(maxsplit=1)
    return int(head[0]) * 1024 if head and head[0].isdecimal() else None


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below a folder that is not a folder itself; links to folders count as links."""
    pending = [os.fspath(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        yield entry
        except FileNotFoundError:
            continue


def _translated(error: OSError, what: str) -> StagingFailure:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"cannot {what}: {error.strerror}")
    return StagingFailure(f"cannot {what}: {error.strerror}")
