"""A bounded cache of downloaded objects on this machine, from which the inputs of later jobs are fed.

A cache that cannot be read or written fails no job: what it does not have is downloaded, what it cannot keep is not
kept. Files that a job uses are never evicted; they are links to the cache's own.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processing_emulator.domain.cache_entry import CacheEntry, digest_of, on_disk
from processing_emulator.domain.staging import PlannedFile
from processing_emulator.engine.cache_folder import CacheFolder, DamagedEntry
from processing_emulator.errors import Cancelled
from processing_emulator.ports import CancelToken, Clock

logger = logging.getLogger(__name__)

FREE_BYTES = 1024**3
"""The cache gives way when less than this is free on its disk."""

_CHECKERS = 4
"""Files are checked in parallel: computing an MD5 takes longer than reading the file again."""

_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheState:
    """What the cache holds. `hits` and `hit_bytes` are objects that jobs got from it since the server was started.

    `oldest_use` is when the entry that is evicted first was last used, in seconds since the epoch.
    """

    entries: int
    size_bytes: int
    used_bytes: int
    limit_bytes: int
    hits: int
    hit_bytes: int
    oldest_use: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """How a job gets its files: `here`, from the cache; `mine`, by downloading them; `coming`, from another job that
    downloads them now.
    """

    here: tuple[tuple[PlannedFile, CacheEntry], ...]
    mine: tuple[PlannedFile, ...]
    coming: tuple[PlannedFile, ...]


class ObjectCache:
    """All objects of one store that are kept on this machine. The first call reads the folder.

    `endpoint` names the store. With a limit of 0 nothing is kept.
    """

    def __init__(self, folder: CacheFolder, clock: Clock, *, endpoint: str, limit_bytes: int) -> None:
        self._folder = folder
        self._clock = clock
        self._endpoint = endpoint
        self._limit_bytes = limit_bytes
        self._changed = threading.Condition(threading.RLock())
        self._entries: dict[str, CacheEntry] = {}
        self._last_used: dict[str, float] = {}
        self._downloading: set[str] = set()
        self._flushing = threading.Lock()
        self._is_open = False
        self._has_news = False
        self._disk_bytes = 0
        self._hits = self._hit_bytes = 0

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self._limit_bytes > 0

    # --- what a job does ---

    @contextmanager
    def claim(self, files: Sequence[PlannedFile]) -> Iterator[Claim]:
        """Share out the files of a job. Within, other jobs wait for those that are `mine`."""
        claim, claimed = self._share_out(files)
        try:
            yield claim
        finally:
            with self._changed:
                self._downloading -= claimed
                self._changed.notify_all()

    def place(self, file: PlannedFile, entry: CacheEntry, target: Path, *, linked: bool) -> bool:
        """Put a kept file at `target`; False when it has to be downloaded after all."""
        try:
            self._folder.place(entry, target, linked=linked)
            self._folder.touch(entry, self._last_used.get(entry.digest, entry.kept_at))
        except FileNotFoundError:  # evicted meanwhile
            return False
        except DamagedEntry as error:
            logger.warning("cached object damaged", extra={"key": file.source.key, "error": str(error)})
            with self._excused("delete"):
                self._drop(entry)
            return False
        except OSError as error:
            logger.warning("cached object not used", extra={"key": file.source.key, "error": str(error)})
            return False
        with self._changed:
            self._hits += 1
            self._hit_bytes += entry.size_bytes
        return True

    def await_coming(self, file: PlannedFile, cancel: CancelToken) -> CacheEntry | None:
        """The entry of an object that another job downloads; None if that job could not keep it. Raises Cancelled."""
        digest = digest_of(self._endpoint, file.source)
        with self._changed:
            while digest in self._downloading:
                if cancel.is_set():
                    raise Cancelled("the transfer was cancelled")
                self._changed.wait(_LOOK_SECONDS)
            return None if digest is None else self._entries.get(digest)

    def keep(self, files: Sequence[PlannedFile], folder: Path, *, linked: bool) -> None:
        """Keep downloaded files that are below `folder`, as far as there is room."""
        size_bytes = sum(on_disk(file.source.size_bytes) for file in files)
        if not self.is_on or not (linked or self._has_disk_room(size_bytes)):
            return
        self._make_room(size_bytes)
        with self._excused("keep objects"), ThreadPoolExecutor(_CHECKERS, "cache") as pool:
            for _ in pool.map(lambda file: self._keep(file, folder / file.path, linked=linked), files):
                pass

    def make_disk_room(self, size_bytes: int) -> None:
        """Give way to a job that is about to write so much."""
        with self._changed, self._excused("make room"):
            self._open()
            missing = size_bytes + FREE_BYTES - self._folder.free_bytes()
            if missing > 0:
                self._evict(missing)

    # --- what the server does ---

    def state(self) -> CacheState:
        """What it holds now."""
        with self._changed:
            self._open()
            entries = list(self._entries.values())
            return CacheState(
                entries=len(entries),
                size_bytes=sum(entry.size_bytes for entry in entries),
                used_bytes=sum(entry.size_bytes for entry in entries if self._folder.is_used(entry)),
                limit_bytes=self._limit_bytes,
                hits=self._hits,
                hit_bytes=self._hit_bytes,
                oldest_use=min(self._last_used.values(), default=None),
            )

    def clear(self) -> None:
        """Forget everything. Jobs that run keep their files."""
        with self._changed, self._excused("clear"):
            self._open()
            for entry in list(self._entries.values()):
                self._drop(entry)

    def maintain(self) -> None:
        """Now and then: keep to the limit, leave room on the disk, and begin to flush what was kept."""
        self._make_room(0)
        self.make_disk_room(0)
        with self._changed:
            has_news, self._has_news = self._has_news, False
        if has_news:
            # A busy disk takes minutes, and the server may stop meanwhile.
            threading.Thread(target=self.flush, name="cache-flush", daemon=True).start()

    def flush(self) -> None:
        """Let what was kept survive a restart of the machine."""
        with self._flushing, self._excused("flush"):
            self._folder.flush(self._clock.now().timestamp())

    # --- internals ---

    def _share_out(self, files: Sequence[PlannedFile]) -> tuple[Claim, set[str]]:
        here: list[tuple[PlannedFile, CacheEntry]] = []
        mine: list[PlannedFile] = []
        coming: list[PlannedFile] = []
        claimed: set[str] = set()
        now = self._clock.now().timestamp()
        with self._changed:
            self._open()
            for file in files:
                digest = digest_of(self._endpoint, file.source) if self.is_on else None
                if digest is None:
                    mine.append(file)
                elif digest in self._entries:
                    self._last_used[digest] = now
                    here.append((file, self._entries[digest]))
                elif digest in self._downloading and digest not in claimed:
                    coming.append(file)
                else:
                    claimed.add(digest)
                    mine.append(file)
            self._downloading |= claimed
        return Claim(here=tuple(here), mine=tuple(mine), coming=tuple(coming)), claimed

    def _keep(self, file: PlannedFile, path: Path, *, linked: bool) -> None:
        """Raises OSError; then the rest of the job's files is not tried."""
        digest = digest_of(self._endpoint, file.source)
        taken = on_disk(file.source.size_bytes)
        with self._changed:
            if digest is None or digest in self._entries or self._disk_bytes + taken > self._limit_bytes:
                return
            self._disk_bytes += taken
        now = self._clock.now().timestamp()
        entry = None
        try:
            entry = self._folder.keep(digest, file.source, path, linked=linked, now=now)
        finally:
            with self._changed:
                self._disk_bytes -= taken
                if entry is not None:
                    self._add(entry, now)
                    self._has_news = True

    def _add(self, entry: CacheEntry, last_used: float) -> None:
        """Add an entry; of two for one object, the first stays."""
        with self._changed:
            if entry.digest in self._entries:
                if self._entries[entry.digest] != entry:
                    with self._excused("delete"):
                        self._folder.delete(entry)
                return
            self._entries[entry.digest], self._last_used[entry.digest] = entry, last_used
            self._disk_bytes += entry.disk_bytes

    def _open(self) -> None:
        if self._is_open:
            return
        self._is_open = True
        with self._excused("open"):
            for entry, last_used in self._folder.open():
                self._add(entry, last_used)
            self._evict(self._disk_bytes - self._limit_bytes)

    def _has_disk_room(self, size_bytes: int) -> bool:
        try:
            return self._folder.free_bytes() >= size_bytes + FREE_BYTES
        except OSError:
            return False

    def _make_room(self, size_bytes: int) -> None:
        """Keep to the limit when so much is added."""
        with self._changed, self._excused("make room"):
            self._open()
            self._evict(self._disk_bytes + size_bytes - self._limit_bytes)

    def _evict(self, size_bytes: int) -> None:
        """Evict so many bytes of what no job uses, what was used longest ago first."""
        left = size_bytes
        if left <= 0:
            return
        for digest in sorted(self._entries, key=self._last_used.__getitem__):
            entry = self._entries[digest]
            if not self._folder.is_used(entry):
                self._drop(entry)
                left -= entry.disk_bytes
            if left <= 0:
                return

    def _drop(self, entry: CacheEntry) -> None:
        with self._changed:
            if self._entries.get(entry.digest) == entry:
                del self._entries[entry.digest], self._last_used[entry.digest]
                self._disk_bytes -= entry.disk_bytes
        self._folder.delete(entry)

    @contextmanager
    def _excused(self, doing: str) -> Iterator[None]:
        """A cache that fails is as good as none."""
        try:
            yield
        except OSError as error:
            logger.warning("cache failed", extra={"doing": doing, "error": str(error)})
