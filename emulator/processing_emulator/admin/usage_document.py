"""What a host of a job has used over time, in absolute units, for curves."""

from collections.abc import Mapping
from datetime import datetime

from processing_emulator.admin.views import Document
from processing_emulator.domain.instance_types import catalogue
from processing_emulator.domain.job import InstanceRecord, ProcessingJob
from processing_emulator.domain.metrics import MINUTE
from processing_emulator.domain.usage import CPU, DISK, GPU, GPU_MEMORY, MEMORY, usage_metric
from processing_emulator.metrics.job_usage import usage_scale_of
from processing_emulator.ports import MetricStore, Window

MOST_POINTS = 1000
"""In one curve."""

_PERIODS = (1, 5, 10, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE)


def usage_document(store: MetricStore, job: ProcessingJob, record: InstanceRecord, now: datetime) -> Document:
    """The highest value of each period, null where there is none; `limits` are what the container may use, `type` what
    the instance type promises."""
    found, period_s = _measured(store, job, record, now)
    at = sorted({second for curve in found.values() for second in curve})
    scale, instance_type = usage_scale_of(job, record), catalogue()[job.choice.instance_type]
    factors = {MEMORY: scale.memory_bytes / 100, DISK: scale.volume_bytes / 100}
    return {
        "host": record.host,
        "periodSeconds": period_s,
        "at": at,
        "curves": {
            member: [_scaled(found[name].get(second), factors.get(name, 1.0)) for second in at]
            for name, member in _MEMBERS.items()
            if found[name]
        },
        "limits": {
            "cpuPercent": record.limits.vcpus * 100,
            "memoryBytes": record.limits.memory_bytes,
            "diskBytes": record.limits.volume_bytes,
            "gpuPercent": len(record.limits.gpu_ids) * 100,
            "gpuMemoryPercent": len(record.limits.gpu_ids) * 100,
        },
        "type": {"cpuPercent": instance_type.vcpus * 100, "memoryBytes": instance_type.memory_bytes},
    }


_MEMBERS = {
    CPU: "cpuPercent",
    MEMORY: "memoryBytes",
    DISK: "diskBytes",
    GPU: "gpuPercent",
    GPU_MEMORY: "gpuMemoryPercent",
}


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else round(value * factor, 3)


def _measured(
    store: MetricStore, job: ProcessingJob, record: InstanceRecord, now: datetime
) -> tuple[Mapping[str, Mapping[int, float]], int]:
    """Each metric by the second in which its period began; by the minute where the seconds are not kept any more."""
    if record.container_started_at is None:
        return {name: {} for name in _MEMBERS}, 1
    since_s = int(record.container_started_at.timestamp())
    until_s = int((job.ended_at or now).timestamp()) + 1
    period_s = next((each for each in _PERIODS if (until_s - since_s) / each <= MOST_POINTS), _PERIODS[-1])
    found = _curves(store, job, record, Window(since_s=since_s, until_s=until_s, period_s=period_s))
    first = min((at for curve in found.values() for at in curve), default=None)
    if period_s < MINUTE and (first is None or first > since_s + MINUTE):  # the beginning is not kept by the second
        period_s = MINUTE
        found = _curves(store, job, record, Window(since_s=since_s, until_s=until_s, period_s=period_s))
    return found, period_s


def _curves(
    store: MetricStore, job: ProcessingJob, record: InstanceRecord, window: Window
) -> Mapping[str, Mapping[int, float]]:
    if window.period_s >= MINUTE:
        window = Window(since_s=window.since_s // MINUTE * MINUTE, until_s=window.until_s, period_s=window.period_s)
    return {
        name: {
            bucket.at_s: bucket.statistics.maximum
            for bucket in store.read(usage_metric(job.key, record.host, name), window)
        }
        for name in _MEMBERS
    }
