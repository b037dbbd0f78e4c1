"""A SampleStore in memory, for the instances of a MemoryJobStore."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from processing_emulator.domain.job import (
    JobId,
)
from processing_emulator.domain.usage import UsageSample
from processing_emulator.ports import UsagePeaks
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.stored import stored_moment


class MemorySampleStore:
    """Implements `ports.SampleStore` for the instances of a job store."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs
        self._samples: defaultdict[tuple[JobId, int], dict[datetime, UsageSample]] = defaultdict(dict)
        jobs.own(self._samples)

    def append_sample(self, job_id: JobId, index: int, sample: UsageSample) -> None:
        """See the port. Raises JobNotFound."""
        with self._jobs.transaction():
            self._jobs.get_instance(job_id, index)
            moment = stored_moment(sample.at)
            self._samples[job_id, index][moment] = replace(sample, at=moment)

    def read_samples(self, job_id: JobId, index: int, since: datetime, until: datetime) -> Sequence[UsageSample]:
        """See the port."""
        with self._jobs.transaction():
            samples = sorted(self._samples[job_id, index].items())
        return [sample for at, sample in samples if since <= at < until]

    def peaks(self, job_id: JobId, index: int) -> UsagePeaks:
        """See the port."""
        with self._jobs.transaction():
            samples = list(self._samples[job_id, index].values())
        return UsagePeaks(
            samples=len(samples),
            cpu_percent=max((sample.cpu_percent for sample in samples), default=0.0),
            memory_bytes=max((sample.memory_bytes for sample in samples), default=0),
            disk_bytes=max((sample.disk_bytes for sample in samples), default=0),
            gpu_percent=max((s.gpu_percent for s in samples if s.gpu_percent is not None), default=None),
            gpu_memory_percent=max(
                (s.gpu_memory_percent for s in samples if s.gpu_memory_percent is not None), default=None
            ),
        )
