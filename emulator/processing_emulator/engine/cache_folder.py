"""The files of the cache of inputs. Their names are the record; there is no other.

A file appears in `objects/` by one link or rename, complete and checked, so a kill at any moment leaves nothing that
counts as content. What is being written lies in `incoming/`, which a start empties. A file with a second name belongs
to a job whose container sees it, and stays until that job is over.
"""

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from processing_emulator.domain.cache_entry import CacheEntry, md5_of, parse_entry
from processing_emulator.domain.staging import StoredObject
from processing_emulator.engine.file_copies import CANNOT_LINK, copy, link

_SHARDS = 256
"""Sub-folders, by the first two digits of the digest."""


class DamagedEntry(Exception):
    """A file of the cache is not the one that was kept."""


class CacheFolder:
    """The folder of one cache. Methods raise OSError.

    `boot_id` differs after a restart of the machine. `sync` writes all files to the disk.
    """

    def __init__(self, root: Path, boot_id: str, sync: Callable[[], None] = os.sync) -> None:
        self.objects = root / "objects"
        self._incoming = root / "incoming"
        self._flushed = root / "flushed"
        self._boot_id = boot_id
        self._sync = sync

    def open(self) -> list[tuple[CacheEntry, float]]:
        """All entries, and when each was last used, in seconds since the epoch; what is none is deleted.

        What was kept after the last flush before a restart of the machine may have lost its content, so it is deleted.
        """
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(parents=True, exist_ok=True)
        self.objects.mkdir(exist_ok=True)
        for number in range(_SHARDS):
            (self.objects / f"{number:02x}").mkdir(exist_ok=True)
        boot_id, flushed_at = self._last_flush()
        has_restarted = boot_id != self._boot_id
        found = []
        for entry, state, path in self._iter_files():
            is_lost = has_restarted and entry is not None and entry.kept_at >= flushed_at
            if entry is None or is_lost or not _is_same(entry, state):
                path.unlink()
            else:
                found.append((entry, state.st_atime))
        if has_restarted:
            self._note_flush(flushed_at)
        return found

    def place(self, entry: CacheEntry, target: Path, *, linked: bool) -> None:
        """Put the content at `target`. Raises DamagedEntry, and then there is nothing at `target`."""
        path = self._path(entry)
        self._check(entry, os.lstat(path))
        state = target.lstat() if linked and self._link(path, target) else copy(path, target)
        try:
            self._check(entry, state)
        except DamagedEntry:
            target.unlink()
            raise

    def keep(self, digest: str, source: StoredObject, file: Path, *, linked: bool, now: float) -> CacheEntry | None:
        """Keep a downloaded file; None when it is not the content that the store has described."""
        if not _is_content(file, source):
            return None
        if linked:
            entry = _entry_of(digest, file.lstat(), now)
            if self._link(file, self._path(entry)):
                return entry
        incoming = self._incoming / secrets.token_hex(8)
        copy(file, incoming)
        entry = _entry_of(digest, incoming.lstat(), now)
        incoming.rename(self._path(entry))
        return entry

    def is_used(self, entry: CacheEntry) -> bool:
        """Whether the file of a job is this one."""
        try:
            return os.lstat(self._path(entry)).st_nlink > 1
        except FileNotFoundError:
            return False

    def touch(self, entry: CacheEntry, now: float) -> None:
        """Store when it was last used. The time of access has no other use."""
        os.utime(self._path(entry), ns=(int(now * 1e9), entry.modified_ns), follow_symlinks=False)

    def delete(self, entry: CacheEntry) -> None:
        """Delete it; a job that uses the file keeps it."""
        Path(self._path(entry)).unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """What is left on the disk."""
        return shutil.disk_usage(self.objects).free

    def flush(self, now: float) -> None:
        """Write all files to the disk; those kept before this second survive a restart of the machine from here on."""
        self._sync()
        self._note_flush(int(now))

    def _link(self, source: str | Path, target: str | Path) -> bool:
        try:
            link(source, target)
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            return False
        return True

    def _iter_files(self) -> Iterator[tuple[CacheEntry | None, os.stat_result, Path]]:
        for shard in self.objects.iterdir():
            with os.scandir(shard) as files:
                for file in files:
                    yield parse_entry(file.name), file.stat(follow_symlinks=False), Path(file.path)

    def _check(self, entry: CacheEntry, state: os.stat_result) -> None:
        if not _is_same(entry, state):
            raise DamagedEntry(f"{self._path(entry)} was changed by somebody")

    def _path(self, entry: CacheEntry) -> str:
        """A text, because it is made for every file."""
        return f"{self.objects}/{entry.digest[:2]}/{entry.name}"

    def _last_flush(self) -> tuple[str, int]:
        """During which run of the machine the files were last used, and when they were flushed last."""
        try:
            boot_id, flushed_at = self._flushed.read_text(encoding="ascii").split()
            return boot_id, int(flushed_at)
        except (OSError, ValueError):
            return "", 0

    def _note_flush(self, at: int) -> None:
        partial = self._flushed.with_suffix(".new")
        partial.write_text(f"{self._boot_id} {at}", encoding="ascii")
        partial.replace(self._flushed)


def _entry_of(digest: str, state: os.stat_result, now: float) -> CacheEntry:
    return CacheEntry(
        digest=digest,
        size_bytes=state.st_size,
        modified_ns=state.st_mtime_ns,
        inode=state.st_ino,
        kept_at=int(now),
    )


def _is_same(entry: CacheEntry, state: os.stat_result) -> bool:
    """Whether a file is still the one that was kept. A change would have moved its time, or made another file."""
    facts = (state.st_size, state.st_mtime_ns, state.st_ino)
    return stat.S_ISREG(state.st_mode) and facts == (entry.size_bytes, entry.modified_ns, entry.inode)


def _is_content(file: Path, source: StoredObject) -> bool:
    """Whether a file is what the store has described, as far as size and ETag say."""
    state = file.lstat()
    if not stat.S_ISREG(state.st_mode) or state.st_size != source.size_bytes:
        return False
    expected = md5_of(source.etag)
    if expected is None:
        return True
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == expected
