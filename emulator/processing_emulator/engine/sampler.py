"""Samples the resources of one running container at an interval; a sample that is late is dropped, not queued."""

import logging
import subprocess
import threading
from dataclasses import dataclass

from processing_emulator.domain.job import InstanceRecord
from processing_emulator.domain.usage import UsageReading, UsageSample, cpu_percent, gpu_percents
from processing_emulator.engine.activity import EndContainer
from processing_emulator.engine.failures import volume_failure
from processing_emulator.engine.workspace import Workspace, counted
from processing_emulator.errors import RuntimeFailure, StoreFailure
from processing_emulator.ports import Clock, ContainerRuntime, GpuProbe, SampleStore

logger = logging.getLogger(__name__)

FIRST_SAMPLE_SECONDS = 0.2
"""A container that runs for less than the interval, but longer than this, still gets a sample."""

COUNT_WAIT_SECONDS = 0.05
"""How long a sample waits for the count; small trees are counted by then."""

DISK_SHARE = 0.02
"""Counting the files of the volume may take this share of the time, no more: large trees are counted less often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSources:
    """Where the figures come from and go to."""

    runtime: ContainerRuntime
    gpus: GpuProbe
    workspace: Workspace
    samples: SampleStore
    clock: Clock


class Sampler:
    """One container; an Activity. Ends the container when its files outgrow the job's volume."""

    name = "samples"

    def __init__(
        self,
        sources: SampleSources,
        record: InstanceRecord,
        container_id: str,
        interval_seconds: float,
        name: str,
    ) -> None:
        self._sources = sources
        self._record = record
        self._container_id = container_id
        self._interval = interval_seconds
        self._end_container: EndContainer | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-sampler", daemon=True)
        self._last: tuple[float, UsageReading] | None = None
        self._disk_bytes = 0
        self._disk_due = 0.0
        self._count: subprocess.Popen[str] | None = None
        self._count_began = 0.0

    def start(self, end_container: EndContainer) -> None:
        """Begin."""
        self._end_container = end_container
        self._thread.start()

    def finish(self, *, engine_was_away: bool) -> bool:  # noqa: ARG002  # a sample that was missed stays missed
        """End; the last sample is stored."""
        self.abandon()
        return True

    def abandon(self) -> None:
        """End; returns when nothing runs any more."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = FIRST_SAMPLE_SECONDS
        while not self._ended.wait(pause):
            began = self._sources.clock.monotonic()
            try:
                self._count_disk(began)
                self._sample()
            except (RuntimeFailure, StoreFailure, OSError) as error:
                logger.debug("sample dropped", extra={"job_id": self._record.job_id, "error": str(error)})
            spent = self._sources.clock.monotonic() - began
            pause = self._interval - spent % self._interval
        self._stop_counting()

    def _sample(self) -> None:
        reading = self._sources.runtime.read_usage(self._container_id)
        if reading is None:
            return
        moment = self._sources.clock.monotonic()
        before = self._last
        self._last = (moment, reading)
        gpu, gpu_memory = gpu_percents(self._sources.gpus.read(self._record.limits.gpu_ids))
        self._sources.samples.append_sample(
            self._record.job_id,
            self._record.index,
            UsageSample(
                at=self._sources.clock.now(),
                cpu_percent=cpu_percent(before[1].cpu_seconds, reading.cpu_seconds, moment - before[0])
                if before
                else cpu_percent(0.0, reading.cpu_seconds, self._since_start()),
                memory_bytes=reading.memory_bytes,
                disk_bytes=self._disk_bytes,
                gpu_percent=gpu,
                gpu_memory_percent=gpu_memory,
            ),
        )

    def _stop_counting(self) -> None:
        if self._count is not None:
            self._count.kill()
            self._count.communicate()
            self._count = None

    def _since_start(self) -> float:
        started = self._record.container_started_at
        return (self._sources.clock.now() - started).total_seconds() if started else 0.0

    def _count_disk(self, moment: float) -> None:
        """Read the count that was begun, or begin one when it is due; never wait for a large tree."""
        if self._count is None and moment >= self._disk_due:
            self._count, self._count_began = self._sources.workspace.start_counting(), moment
        if self._count is None:
            return
        used = counted(self._count, COUNT_WAIT_SECONDS)
        if self._count.returncode is None:
            return
        spent = self._sources.clock.monotonic() - self._count_began
        self._count, self._disk_due = None, moment + spent / DISK_SHARE
        if used is not None:
            self._disk_bytes = used
            self._check_volume()

    def _check_volume(self) -> None:
        limit = self._record.limits.volume_bytes
        if self._disk_bytes > limit and self._end_container is not None:
            self._end_container(volume_failure(self._disk_bytes, limit))
            self._end_container = None  # once is enough
