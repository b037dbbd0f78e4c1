"""Docker build contexts: their files, the hash of their content, and the tar that is sent to the engine."""

import hashlib
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

Files = Mapping[str, Path]
"""Name in the context -> local file or folder."""


def list_files(folder: Path, *, below: str = "") -> dict[str, Path]:
    """All files of a folder by relative name, prefixed with `below`; without compiled Python and READMEs."""
    return {
        below + path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.name != "README.md"
    }


def fingerprint(files: Files, salts: Iterable[str] = ()) -> str:
    """A hash (12 hex digits) of names, contents, executable bits and `salts`."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        with path.open("rb") as content:
            inner = hashlib.file_digest(content, "sha256").hexdigest()
        digest.update(f"{name}\0{inner}\0{path.stat().st_mode & 0o100}\n".encode())
    for salt in salts:
        digest.update(f"{salt}\n".encode())
    return digest.hexdigest()[:12]


def write_tar(files: Files, target: IO[bytes]) -> None:
    """Write files and whole folders, owned by root, then rewind `target`."""
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, path in sorted(files.items()):
            tar.add(path, arcname=name, filter=_as_root)
    target.seek(0)


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
