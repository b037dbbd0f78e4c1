"""The store of resource usage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from processing_emulator.domain.job import JobId
from processing_emulator.domain.usage import UsageSample


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePeaks:
    """The highest figures of an instance, zero or None when nothing was sampled."""

    samples: int = 0
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None


class SampleStore(Protocol):
    """Usage samples of instances, one row a second."""

    def append_sample(self, job_id: JobId, index: int, sample: UsageSample) -> None:
        """Store one sample; a second one of the same millisecond replaces the first."""
        ...

    def read_samples(self, job_id: JobId, index: int, since: datetime, until: datetime) -> Sequence[UsageSample]:
        """Samples with since <= at < until, in order."""
        ...

    def peaks(self, job_id: JobId, index: int) -> UsagePeaks:
        """The highest figures so far."""
        ...
