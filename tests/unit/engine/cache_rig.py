"""A cache of inputs on a real folder and an object store in memory."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from processing_emulator.domain.job import Transfer
from processing_emulator.domain.staging import PlannedFile
from processing_emulator.engine.cache_folder import CacheFolder
from processing_emulator.engine.cached_downloads import CachedDownloads, Staged
from processing_emulator.engine.object_cache import ObjectCache
from processing_emulator.ports import CancelToken, TransferMeter
from tests.fakes.object_store import MemoryObjectStore

KIB = 1024


class SteppingClock:
    """Each look is a second later than the one before."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic(self) -> float:
        return self.now().timestamp()


class Metered:
    """Counts."""

    def __init__(self) -> None:
        self.objects = self.size_bytes = 0

    def add(self, *, objects: int = 0, size_bytes: int = 0) -> None:
        self.objects += objects
        self.size_bytes += size_bytes


class CacheRig:
    """One cache; `job` stages objects as a job does."""

    def __init__(self, base: Path, limit_bytes: int = 1024 * KIB) -> None:
        self.base = base
        self.limit_bytes = limit_bytes
        self.clock = SteppingClock()
        self.objects = CountingStore("bkt")
        self.meter = Metered()
        self.folder = CacheFolder(base / "cache", "boot-1", sync=lambda: None)
        self.restart()

    def restart(self, boot_id: str = "boot-1", limit_bytes: int | None = None) -> None:
        """Begin another run of the emulator on the same folder."""
        self.folder = CacheFolder(self.base / "cache", boot_id, sync=lambda: None)
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        self.cache = ObjectCache(self.folder, self.clock, endpoint="memory", limit_bytes=limit)

    def put(self, contents: Mapping[str, bytes]) -> None:
        for key, body in contents.items():
            self.objects.put("bkt", key, body)

    def job(self, name: str, keys: list[str], *, linked: bool = True, is_wanted: bool = True) -> Staged:
        """Stage these objects below `base/name`, where they stay until `end`."""
        cancel = threading.Event()
        folder = self.base / name
        folder.mkdir(exist_ok=True)
        files = [PlannedFile(source=found, path=found.key) for found in self.objects.head_all("bkt", keys, cancel)]
        downloads = CachedDownloads(self.objects, self.cache, self.clock, is_wanted=is_wanted)
        return downloads.download(files, folder, cancel, self.meter, linked=linked)

    def end(self, name: str) -> None:
        """Remove the files of a job."""
        for path in (self.base / name).iterdir():
            path.unlink()
        (self.base / name).rmdir()

    def files(self) -> list[Path]:
        """Everything that is kept, or was begun to be."""
        folders = [self.base / "cache" / name for name in ("objects", "incoming")]
        return [path for folder in folders for path in folder.rglob("*") if not path.is_dir()]

    def contents(self, name: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.base / name).iterdir()}


class CountingStore(MemoryObjectStore):
    """Counts what is downloaded."""

    def __init__(self, *buckets: str) -> None:
        super().__init__(*buckets)
        self.downloaded: list[str] = []

    def download(
        self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Transfer:
        done = super().download(files, folder, cancel, meter)
        self.downloaded += [file.source.key for file in files]
        return done
