"""Watches the volume of a running container: measures it for the samples, and ends the container where it must."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from processing_emulator.domain.instance_types import GIB
from processing_emulator.domain.outcome import Failure
from processing_emulator.engine.activity import EndContainer
from processing_emulator.engine.disk_count import DiskCount
from processing_emulator.engine.failures import disk_failure, volume_failure
from processing_emulator.engine.instance import InstanceTask, RunnerTools
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import DiskFull, RuntimeFailure, StagingFailure
from processing_emulator.ports import Volumes

logger = logging.getLogger(__name__)

FIRST_LOOK_SECONDS = 0.1
LOOK_SECONDS = 1.0

FULL_BYTES = 4 * 1024**2
"""A write that failed in a limited volume with no more free than this failed because the volume is full."""


@contextmanager
def naming_full_volume(task: InstanceTask, volumes: Volumes) -> Iterator[None]:
    """A DiskFull that comes from the limited volume of an instance says so."""
    try:
        yield
    except DiskFull as error:
        limit = task.record.limits.volume_bytes
        used = volumes.used_bytes(task.folder)
        if used is None or used < limit - FULL_BYTES:
            raise
        raise DiskFull(f"{error}; the job's volume is full, VolumeSizeInGB is {limit // GIB}") from error


class VolumeWatch:
    """One container; an Activity.

    In a limited volume the kernel refuses what does not fit, and the container decides what to do. The files of any
    other volume are counted, and a container that outgrows it is ended. So is one for which the machine's disk has no
    space left, because that is no fault of the container's.
    """

    name = "volume"

    def __init__(
        self, tools: RunnerTools, workspace: Workspace, container_id: str, limit_bytes: int, name: str
    ) -> None:
        self._volumes = tools.volumes
        self._runtime = tools.runtime
        self._clock = tools.clock
        self._workspace = workspace
        self._container_id = container_id
        self._limit_bytes = limit_bytes
        self._end_container: EndContainer | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-volume", daemon=True)
        self._count = DiskCount(workspace, tools.clock.monotonic)
        self.used_bytes = 0
        """As last measured."""
        self.shortage: Failure | None = None
        """That the machine's disk had no space left, at any time while the container ran."""

    def start(self, end_container: EndContainer) -> None:
        """Begin."""
        self._end_container = end_container
        self._thread.start()

    def finish(self, *, engine_was_away: bool) -> bool:  # noqa: ARG002  # the engine is not needed
        """End, after a last look: the container may have died at once of a full disk, or been short."""
        self.abandon()
        self._look_at_disk()
        with suppress(StagingFailure):
            self.used_bytes = self._volumes.used_bytes(self._workspace.root) or self.used_bytes
        return True

    def abandon(self) -> None:
        """End; returns when nothing runs any more."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = FIRST_LOOK_SECONDS
        while not self._ended.wait(pause):
            pause = LOOK_SECONDS
            try:
                self._look_at_volume()
            except (RuntimeFailure, StagingFailure, OSError) as error:
                logger.debug("volume not measured", extra={"error": str(error)})
            self._look_at_disk()
            if self.shortage is not None:
                self._end(self.shortage)
        self._count.stop()

    def _look_at_disk(self) -> None:
        shortage = self._volumes.disk_shortage(self._workspace.root)
        if shortage is not None and self.shortage is None:
            self.shortage = disk_failure(shortage)

    def _look_at_volume(self) -> None:
        used = self._volumes.used_bytes(self._workspace.root)
        if used is not None:
            self.used_bytes = used
            return
        if not self._count.count(self._clock.monotonic()):
            return
        self.used_bytes = self._count.bytes + self._runtime.unlinked_bytes(self._container_id, self._workspace.root)
        if self.used_bytes > self._limit_bytes:
            self._end(volume_failure(self.used_bytes, self._limit_bytes))

    def _end(self, failure: Failure) -> None:
        if self._end_container is not None:
            self._end_container(failure)
            self._end_container = None  # once is enough
