"""Resource figures of one instance: raw readings become samples."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from processing_emulator.domain.job import JobKey
from processing_emulator.domain.metrics import (
    PROCESSING_JOBS_NAMESPACE,
    Datum,
    MetricKey,
    Weighted,
    datum_of,
)

HOST_DIMENSION = "Host"
PERCENT = "Percent"
CPU, MEMORY, DISK = "CPUUtilization", "MemoryUtilization", "DiskUtilization"
GPU, GPU_MEMORY = "GPUUtilization", "GPUMemoryUtilization"
"""The names of the metrics of a processing job (spec 5.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReading:
    """What the engine or the kernel says at one moment: CPU time used so far, and memory without file cache.

    `memory_high_water_bytes` is the most memory ever used, with file cache; None where the kernel does not say.
    """

    cpu_seconds: float
    memory_bytes: int
    memory_high_water_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReading:
    """One GPU at one moment: busy share in percent, memory used and there in bytes."""

    gpu_id: str
    utilization_percent: float
    memory_used_bytes: int
    memory_total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSample:
    """What an instance used at one moment.

    cpu_percent: 100 per busy core. memory_bytes: without inactive file cache. disk_bytes: files of the job's volume.
    gpu_percent and gpu_memory_percent: sums over the instance's GPUs, None without GPU (spec 5.4).
    """

    at: datetime
    cpu_percent: float
    memory_bytes: int
    disk_bytes: int
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None


class UsageScale(NamedTuple):
    """What is a hundred percent: the memory of the requested instance type, and the size of the volume."""

    memory_bytes: int
    volume_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePeaks:
    """The highest figures of an instance, zero or None when nothing was sampled.

    `memory_high_water_bytes` is the kernel's, with file cache; the others are those of the samples.
    """

    samples: int = 0
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    memory_high_water_bytes: int | None = None
    disk_bytes: int = 0
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None


def usage_metric(job: JobKey, host: str, name: str) -> MetricKey:
    """How CloudWatch names a metric of one host of a job."""
    dimensions = ((HOST_DIMENSION, f"{job.name}/{host}"),)
    return MetricKey(job.account, job.region, PROCESSING_JOBS_NAMESPACE, name, dimensions)


def usage_data(job: JobKey, host: str, sample: UsageSample, scale: UsageScale) -> Iterator[Datum]:
    """A sample as CloudWatch has it: memory and disk in percent of the scale, no GPU metrics without GPU."""
    figures = {
        CPU: sample.cpu_percent,
        MEMORY: 100.0 * sample.memory_bytes / scale.memory_bytes,
        DISK: 100.0 * sample.disk_bytes / scale.volume_bytes,
        GPU: sample.gpu_percent,
        GPU_MEMORY: sample.gpu_memory_percent,
    }
    at_s = int(sample.at.timestamp())
    for name, value in figures.items():
        if value is not None:
            yield datum_of(usage_metric(job, host, name), at_s, PERCENT, [Weighted(value, 1)])


def cpu_percent(before: float, after: float, elapsed_seconds: float) -> float:
    """CPU use between two readings of CPU seconds, 100 per core; 0 for an interval that is none."""
    if elapsed_seconds <= 0:
        return 0.0
    return max(0.0, after - before) / elapsed_seconds * 100.0


def gpu_percents(readings: tuple[GpuReading, ...]) -> tuple[float | None, float | None]:
    """Sums of utilisation and of used memory share over GPUs, in percent; None, None without GPU."""
    if not readings:
        return None, None
    return (
        sum(r.utilization_percent for r in readings),
        sum(100.0 * r.memory_used_bytes / r.memory_total_bytes for r in readings if r.memory_total_bytes),
    )
