"""Plans transfers: which object becomes which file, and which file becomes which object (spec 3.1 and 4)."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.errors import UnsafePath

NAME_LIMIT_BYTES = 255
PATH_LIMIT_BYTES = 4000
KEY_LIMIT_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One version of an object in the store. `etag` is without quotes; empty if the store has none."""

    bucket: str
    key: str
    size_bytes: int
    etag: str = ""
    modified_at: datetime | None = field(default=None, compare=False)

    @property
    def file_time_ns(self) -> int | None:
        """The time of modification of the object's file, in nanoseconds since the epoch; None if the store has none.

        In whole seconds, because responses to HEAD have no fractions, and some listings do.
        """
        return None if self.modified_at is None else int(self.modified_at.timestamp()) * 1_000_000_000


class FileVersion(NamedTuple):
    """What changes when a file is written to, or another takes its name."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileVersion":
        """The version whose status that is."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """An object and its path relative to the input's folder."""

    source: StoredObject
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadPlan:
    """Files to download and folders to create, by their paths relative to the input's folder.

    `marked_folders` are those of folder markers, keys that end in `/`; the input's own folder is the empty path.
    """

    files: tuple[PlannedFile, ...]
    marked_folders: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no object was found, not even a folder marker."""
        return not self.files and not self.marked_folders

    @property
    def folders(self) -> tuple[str, ...]:
        """All folders below the input's own, parents first."""
        folders: set[str] = set()
        for folder in {*self.marked_folders, *(file.path.rpartition("/")[0] for file in self.files)}:
            _add_with_parents(folders, folder)
        return tuple(sorted(folders))

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(f.source.size_bytes for f in self.files)


def _add_with_parents(folders: set[str], folder: str) -> None:
    while folder and folder not in folders:
        folders.add(folder)
        folder = folder.rpartition("/")[0]


def relative_path(key: str, prefix: str) -> str:
    """The path of a key below LocalPath, by the rule of spec 3.1 that satisfies all known cases."""
    if key == prefix or (not prefix.endswith("/") and not key.startswith(prefix + "/")):
        return key[prefix.rfind("/") + 1 :]
    return key[len(prefix) :].removeprefix("/") if not prefix.endswith("/") else key[len(prefix) :]


def safe_path(key: str, path: str) -> str:
    """The path of a key without empty segments. Raises UnsafePath when it is no path below a folder."""
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if part in (".", "..") or "\0" in part:
            raise UnsafePath(f"object key {key!r} has a segment that is no file name")
        if len(os.fsencode(part)) > NAME_LIMIT_BYTES:
            raise UnsafePath(f"object key {key[:80]!r}... has a segment longer than {NAME_LIMIT_BYTES} bytes")
    if len(os.fsencode(path)) > PATH_LIMIT_BYTES:
        raise UnsafePath(f"object key {key[:80]!r}... is longer than a path may be")
    return "/".join(parts)


def plan_download(objects: Iterable[StoredObject], prefix: str) -> DownloadPlan:
    """Plan one S3Prefix input. Raises UnsafePath like `plan_paths`, and when a key would leave the folder."""
    return plan_paths((stored, safe_path(stored.key, relative_path(stored.key, prefix))) for stored in objects)


def plan_paths(objects: Iterable[tuple[StoredObject, str]]) -> DownloadPlan:
    """Plan objects whose safe paths are known. A key that ends in `/` is a folder, not a file (spec 8, question 9).

    Raises UnsafePath when two keys need one name for two files, or for a file and a folder.
    """
    files: dict[str, PlannedFile] = {}
    marked_folders: dict[str, None] = {}
    for stored, path in objects:
        if stored.key.endswith("/"):
            marked_folders[path] = None
        elif path in files:
            raise UnsafePath(f"object keys {files[path].source.key!r} and {stored.key!r} need the same file name")
        elif path:
            files[path] = PlannedFile(source=stored, path=path)
    plan = DownloadPlan(files=tuple(files.values()), marked_folders=tuple(marked_folders))
    for path in plan.folders:
        if path in files:
            raise UnsafePath(f"object key {files[path].source.key!r} is also the folder of other keys")
    return plan


def output_key(target: S3Uri, path: str) -> str:
    """The key of a file at `path` below an output's folder: target + `/` + path, no host name (spec 4).

    Raises UnsafePath when the name is no UTF-8 or the key gets too long for S3.
    """
    base = target.key.rstrip("/")
    key = f"{base}/{path}" if base else path
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise UnsafePath(f"output file {os.fsencode(path)!r} has a name that is not UTF-8") from error
    if size > KEY_LIMIT_BYTES:
        raise UnsafePath(f"output file {path[:80]!r}... makes a key longer than {KEY_LIMIT_BYTES} bytes")
    return key
