"""Samples the resources of one running container at an interval; a sample that is late is dropped, not queued."""

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from processing_emulator.domain.job import GPU_LOST
from processing_emulator.domain.usage import (
    UsageReading,
    UsageSample,
    cpu_percent,
    gpu_percents,
    usage_data,
)
from processing_emulator.engine.activity import EndContainer
from processing_emulator.engine.instance import InstanceTask, RunnerTools
from processing_emulator.engine.instance_journal import Journal
from processing_emulator.engine.retry import Detached
from processing_emulator.engine.volume_watch import VolumeWatch
from processing_emulator.errors import RuntimeFailure

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
"""Time between two looks in the first seconds, so that a container that ends soon is seen shortly before its end."""

LOOKING_SECONDS = 2.0
"""How long it is looked at so often."""

SHORTEST_SECONDS = 0.15
"""CPU use is not computed over less time than this: the engine gives CPU time in slices of 0.1 s."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What was read at a moment of the monotonic clock."""

    moment: float
    reading: UsageReading


class Sampler:
    """One container; an Activity."""

    name = "samples"

    def __init__(self, task: InstanceTask, tools: RunnerTools, journal: Journal, volume: VolumeWatch) -> None:
        self._task = task
        self._tools = tools
        self._journal = journal
        self._record = journal.record
        self._volume = volume
        self._interval = tools.options.sample_interval_seconds
        self._ended = threading.Event()
        name = f"{task.key.name}/{self._record.host}-sampler"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._sampled: _Look | None = None
        self._newest: _Look | None = None
        self._gpus_lost = False
        self.memory_high_water_bytes: int | None = None

    def start(self, end_container: EndContainer) -> None:  # noqa: ARG002  # samples are no reason to end it
        """Begin."""
        self._thread.start()

    def finish(self, *, engine_was_away: bool) -> bool:  # noqa: ARG002  # a sample that was missed stays missed
        """End; the last sample is stored."""
        self.abandon()
        return True

    def abandon(self) -> None:
        """End; returns when nothing runs any more and all samples are stored."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._tools.samples.flush()

    def _run(self) -> None:
        with suppress(Detached):
            self._sample_until_ended()

    def _sample_until_ended(self) -> None:
        began = self._tools.clock.monotonic()
        self._sampled = self._first_look(began)
        due = began + self._interval
        while not self._ended.wait(self._pause(began, due)):
            try:
                self._look()
                if self._tools.clock.monotonic() >= due:
                    self._sample()
                    due = self._next_due(due)
            except (RuntimeFailure, OSError) as error:
                logger.debug("sample dropped", extra={"job_id": self._record.job_id, "error": str(error)})
                due = self._next_due(due)
        self._sample()  # what was seen last, shortly before the end

    def _first_look(self, moment: float) -> _Look | None:
        """A container that has just started has used nothing yet; of one that is found running, the use is unknown."""
        started = self._record.container_started_at
        if started is None or (self._tools.clock.now() - started).total_seconds() > LOOKING_SECONDS:
            return None
        since_start = (self._tools.clock.now() - started).total_seconds()
        return _Look(moment - max(0.0, since_start), UsageReading(cpu_seconds=0.0, memory_bytes=0))

    def _pause(self, began: float, due: float) -> float:
        now = self._tools.clock.monotonic()
        until_due = max(0.0, due - now)
        return min(until_due, LOOK_SECONDS) if now - began < LOOKING_SECONDS else until_due

    def _next_due(self, due: float) -> float:
        """On the grid of the interval; what was missed is left out."""
        late = max(0.0, self._tools.clock.monotonic() - due)
        return due + (late // self._interval + 1) * self._interval

    def _look(self) -> None:
        reading = self._tools.runtime.read_usage(self._container_id)
        if reading is None:
            return
        self._newest = _Look(self._tools.clock.monotonic(), reading)
        if reading.memory_high_water_bytes is not None:
            self.memory_high_water_bytes = reading.memory_high_water_bytes

    @property
    def _container_id(self) -> str:
        return self._record.container_id or ""

    def _sample(self) -> None:
        """Make a sample of the newest look, if the one before was long enough ago."""
        newest, before = self._newest, self._sampled
        if newest is None or before is None:
            self._sampled = newest
            return
        if newest.moment - before.moment < SHORTEST_SECONDS:
            return
        self._sampled = newest
        gpu, gpu_memory = self._gpu_percents()
        sample = UsageSample(
            at=self._tools.clock.now(),
            cpu_percent=cpu_percent(
                before.reading.cpu_seconds, newest.reading.cpu_seconds, newest.moment - before.moment
            ),
            memory_bytes=newest.reading.memory_bytes,
            disk_bytes=self._volume.used_bytes,
            gpu_percent=gpu,
            gpu_memory_percent=gpu_memory,
        )
        self._tools.samples.offer(usage_data(self._task.key, self._record.host, sample, self._task.usage_scale))

    def _gpu_percents(self) -> tuple[float | None, float | None]:
        """None, None unless all GPUs of the instance answer: a sum over some of them would be wrong."""
        wanted = self._record.limits.gpu_ids
        readings = self._tools.gpus.read(wanted)
        silent = sorted(set(wanted) - {reading.gpu_id for reading in readings})
        if bool(silent) != self._gpus_lost:
            self._gpus_lost = bool(silent)
            self._note_gpus(silent)
        return (None, None) if silent else gpu_percents(readings)

    def _note_gpus(self, silent: Sequence[str]) -> None:
        if silent:
            self._journal.problem(GPU_LOST, gpus=silent)
        else:
            self._journal.event("gpu_answers_again")
