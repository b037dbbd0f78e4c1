"""The highest figures of an instance, from its metrics and in absolute units, to find the instance type that fits."""

from processing_emulator.domain.instance_types import catalogue
from processing_emulator.domain.job import InstanceRecord, ProcessingJob
from processing_emulator.domain.metrics import MINUTE, Statistics
from processing_emulator.domain.usage import CPU, DISK, GPU, GPU_MEMORY, MEMORY, UsagePeaks, UsageScale, usage_metric
from processing_emulator.ports import MetricStore, Window

_EVER_S = 2**40
"""Longer than anything is measured."""


def usage_scale_of(job: ProcessingJob, record: InstanceRecord) -> UsageScale:
    """What is a hundred percent of memory and disk of an instance."""
    return UsageScale(catalogue()[job.choice.instance_type].memory_bytes, record.limits.volume_bytes)


def peaks_of(store: MetricStore, job: ProcessingJob, record: InstanceRecord) -> UsagePeaks:
    """The highest figures so far."""
    started = record.container_started_at
    if started is None:
        return UsagePeaks()
    since_s, scale = int(started.timestamp()), usage_scale_of(job, record)
    found = {name: _whole(store, job, record, name, since_s) for name in (CPU, MEMORY, DISK, GPU, GPU_MEMORY)}
    highest = {name: whole.maximum for name, whole in found.items() if whole is not None}
    cpu = found[CPU]
    return UsagePeaks(
        samples=0 if cpu is None else round(cpu.samples),
        cpu_percent=highest.get(CPU, 0.0),
        memory_bytes=round(highest.get(MEMORY, 0.0) * scale.memory_bytes / 100),
        memory_high_water_bytes=record.memory_high_water_bytes,
        disk_bytes=round(highest.get(DISK, 0.0) * scale.volume_bytes / 100),
        gpu_percent=highest.get(GPU),
        gpu_memory_percent=highest.get(GPU_MEMORY),
    )


def _whole(
    store: MetricStore, job: ProcessingJob, record: InstanceRecord, name: str, since_s: int
) -> Statistics | None:
    """All that was measured since the start.

    A deleted job may have had the same name, and have ended in the minute of the start: of that minute the seconds
    count, as long as they are kept.
    """
    key = usage_metric(job.key, record.host, name)
    minute_s = since_s // MINUTE * MINUTE
    first = store.read(key, Window(since_s=since_s, until_s=minute_s + MINUTE, period_s=1))
    since_s = minute_s + MINUTE if first else minute_s
    rest = store.read(key, Window(since_s=since_s, until_s=since_s + _EVER_S, period_s=_EVER_S))
    whole: Statistics | None = None
    for bucket in (*first, *rest):
        whole = bucket.statistics if whole is None else whole.merged(bucket.statistics)
    return whole
