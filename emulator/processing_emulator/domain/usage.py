"""Resource figures of one instance: raw readings become samples."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReading:
    """What the engine or the kernel says at one moment: CPU time used so far, and memory without file cache."""

    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReading:
    """One GPU at one moment: busy share in percent, memory used and there in bytes."""

    gpu_id: str
    utilization_percent: float
    memory_used_bytes: int
    memory_total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSample:
    """One row of metrics of an instance.

    cpu_percent: 100 per busy core. memory_bytes: without inactive file cache. disk_bytes: files of the job's volume.
    gpu_percent and gpu_memory_percent: sums over the instance's GPUs, None without GPU (spec 5.4).
    """

    at: datetime
    cpu_percent: float
    memory_bytes: int
    disk_bytes: int
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None


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
