"""Downloads the files of inputs through the cache: only what it does not have comes from the store."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from processing_emulator.domain.cache_entry import CacheEntry
from processing_emulator.domain.job import Transfer
from processing_emulator.domain.staging import PlannedFile
from processing_emulator.engine.object_cache import ObjectCache
from processing_emulator.errors import Cancelled
from processing_emulator.ports import CancelToken, Clock, ObjectStore, TransferMeter


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """All that was staged, and how much of it came from the cache."""

    transfer: Transfer
    cached_objects: int = 0
    cached_bytes: int = 0


class CachedDownloads:
    """The downloads of one job. `is_wanted`: the job wants the cache."""

    def __init__(self, objects: ObjectStore, cache: ObjectCache, clock: Clock, *, is_wanted: bool) -> None:
        self._objects = objects
        self._cache = cache
        self._clock = clock
        self._is_wanted = is_wanted

    def download(
        self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken, meter: TransferMeter, *, linked: bool
    ) -> Staged:
        """Stage files below `folder`, whose sub-folders exist. Raises what `ObjectStore.download` does.

        `linked`: the files may be the cache's own, because the container sees them through an overlay.
        """
        if not self._is_wanted:
            self._cache.make_disk_room(_size(files))
            return Staged(transfer=self._objects.download(files, folder, cancel, meter))
        began = self._clock.monotonic()
        with self._cache.claim(files) as claim:
            placed, missing = self._place(claim.here, folder, cancel, meter, linked=linked)
            missing = [*claim.mine, *missing]
            self._cache.make_disk_room(_size(missing if linked else files))
            self._objects.download(missing, folder, cancel, meter)
            self._cache.keep(missing, folder, linked=linked)
        came = ((file, self._cache.await_coming(file, cancel)) for file in claim.coming)
        also_placed, missing = self._place(came, folder, cancel, meter, linked=linked)
        self._objects.download(missing, folder, cancel, meter)
        seconds = self._clock.monotonic() - began
        placed += also_placed
        return Staged(
            transfer=Transfer(objects=len(files), size_bytes=_size(files), seconds=seconds),
            cached_objects=len(placed),
            cached_bytes=_size(placed),
        )

    def _place(
        self,
        entries: Iterable[tuple[PlannedFile, CacheEntry | None]],
        folder: Path,
        cancel: CancelToken,
        meter: TransferMeter,
        *,
        linked: bool,
    ) -> tuple[list[PlannedFile], list[PlannedFile]]:
        """Put kept files below the folder: those that are there now, and those that are not."""
        placed: list[PlannedFile] = []
        missing: list[PlannedFile] = []
        for file, entry in entries:
            if cancel.is_set():
                raise Cancelled("the transfer was cancelled")
            if entry is None or not self._cache.place(file, entry, folder / file.path, linked=linked):
                missing.append(file)
                continue
            placed.append(file)
            meter.add(objects=1, size_bytes=file.source.size_bytes)
        return placed, missing


def _size(files: Iterable[PlannedFile]) -> int:
    return sum(file.source.size_bytes for file in files)
