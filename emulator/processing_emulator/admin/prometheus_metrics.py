"""`/_emulator/metrics`: what Prometheus scrapes, made of the figures that the server keeps anyway."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from processing_emulator.domain.capacity import Held, NodeCapacity
from processing_emulator.domain.metrics import Datum
from processing_emulator.domain.usage import CPU, DISK, GPU, GPU_MEMORY, MEMORY
from processing_emulator.errors import RuntimeUnavailable

PREFIX: Final = "processing_emulator"

_HOST_LABELS: Final = ("account", "region", "job", "host")
_HOST_METRICS: Final = {
    CPU: ("cpu_utilization_percent", "CPU use of a job's host, 100 for each busy vCPU"),
    MEMORY: ("memory_utilization_percent", "Memory of a job's host, of the instance type's, without file cache"),
    DISK: ("disk_utilization_percent", "Files of a job's host, of its volume"),
    GPU: ("gpu_utilization_percent", "GPU use of a job's host, 100 for each GPU"),
    GPU_MEMORY: ("gpu_memory_utilization_percent", "GPU memory of a job's host, 100 for each GPU"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """What was staged in one direction, and how often staging failed."""

    direction: str
    objects: int
    size_bytes: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long an operation took, with one outcome: a count for each bound, and one for those beyond the last."""

    service: str
    operation: str
    outcome: str
    counts: Sequence[int]
    total_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSources:
    """Where the figures come from; each is asked at every scrape. `capacity` may raise RuntimeUnavailable."""

    latest: Callable[[], Sequence[Datum]]
    jobs_by_phase: Callable[[], Mapping[str, int]]
    capacity: Callable[[], NodeCapacity]
    held: Callable[[], Held]
    transferred: Callable[[], Sequence[Transferred]]
    dropped_samples: Callable[[], int]
    latency_bounds: Sequence[float]
    latencies: Callable[[], Sequence[Latency]]


class EmulatorCollector:
    """A collector of prometheus-client: makes all metrics anew at each scrape."""

    def __init__(self, sources: MetricSources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        yield from _host_metrics(self._sources.latest())
        yield from self._scheduler()
        yield from self._staging()
        yield from self._latencies()
        dropped = f"{PREFIX}_dropped_samples"
        yield CounterMetricFamily(dropped, "Samples that could not be stored", value=self._sources.dropped_samples())

    def _scheduler(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(f"{PREFIX}_unfinished_jobs", "Jobs that have not ended, by phase", labels=["phase"])
        for phase, number in self._sources.jobs_by_phase().items():
            jobs.add_metric([phase], number)
        yield jobs
        held = self._sources.held()
        yield from _resources("reserved", "What running jobs hold", held.vcpus, held.memory_bytes, held.gpus)
        try:
            capacity = self._sources.capacity()
        except RuntimeUnavailable:
            return  # a gap says that the engine does not answer
        yield from _resources(
            "capacity", "What jobs may hold", capacity.vcpus, capacity.memory_bytes, len(capacity.gpu_ids)
        )

    def _staging(self) -> Iterator[Metric]:
        names = {
            "bytes": "Bytes that were transferred between S3 and jobs",
            "objects": "Objects that were transferred between S3 and jobs",
            "errors": "Transfers that failed",
        }
        families = {
            name: CounterMetricFamily(f"{PREFIX}_staged_{name}", text, labels=["direction"])
            for name, text in names.items()
        }
        for total in self._sources.transferred():
            families["bytes"].add_metric([total.direction], total.size_bytes)
            families["objects"].add_metric([total.direction], total.objects)
            families["errors"].add_metric([total.direction], total.errors)
        yield from families.values()

    def _latencies(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            f"{PREFIX}_operation_seconds",
            "Time to answer an operation of an AWS API",
            labels=["service", "operation", "outcome"],
        )
        bounds = [*(f"{bound:g}" for bound in self._sources.latency_bounds), "+Inf"]
        for latency in self._sources.latencies():
            buckets = list(zip(bounds, accumulate(latency.counts), strict=True))
            labels = [latency.service, latency.operation, latency.outcome]
            family.add_metric(labels, buckets=buckets, sum_value=latency.total_seconds)
        yield family


def prometheus_text(sources: MetricSources) -> bytes:
    """All metrics in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(EmulatorCollector(sources))
    return generate_latest(registry)


def _host_metrics(latest: Sequence[Datum]) -> Iterator[Metric]:
    for name, (metric, text) in _HOST_METRICS.items():
        family = GaugeMetricFamily(f"{PREFIX}_host_{metric}", text, labels=_HOST_LABELS)
        for datum in latest:
            if datum.key.name == name:
                job, _, host = datum.key.dimensions[0][1].rpartition("/")
                family.add_metric([datum.key.account, datum.key.region, job, host], datum.statistics.maximum)
        yield family


def _resources(name: str, text: str, vcpus: float, memory_bytes: int, gpus: int) -> Iterator[Metric]:
    yield GaugeMetricFamily(f"{PREFIX}_{name}_vcpus", f"{text}: vCPUs", value=vcpus)
    yield GaugeMetricFamily(f"{PREFIX}_{name}_memory_bytes", f"{text}: memory", value=memory_bytes)
    yield GaugeMetricFamily(f"{PREFIX}_{name}_gpus", f"{text}: GPUs", value=gpus)
