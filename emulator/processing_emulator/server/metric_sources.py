"""Where the figures for Prometheus come from."""

from collections import Counter
from collections.abc import Mapping, Sequence

from processing_emulator.admin.prometheus_metrics import Latency, MetricSources, Transferred
from processing_emulator.aws.services.latencies import BOUNDS_SECONDS, OperationLatencies
from processing_emulator.domain.capacity import held_by
from processing_emulator.ports import JobStore
from processing_emulator.server.job_engine import JobEngine


def metric_sources(jobs: JobStore, engine: JobEngine, latencies: OperationLatencies) -> MetricSources:
    """The sources over the engine, the store of jobs, and what the gateway has measured."""

    def jobs_by_phase() -> Mapping[str, int]:
        return Counter(job.phase.value for job in jobs.list_unfinished())

    def transferred() -> Sequence[Transferred]:
        return [
            Transferred(
                direction=direction.value, objects=total.objects, size_bytes=total.size_bytes, errors=total.errors
            )
            for direction, total in engine.staging.read().items()
        ]

    def measured() -> Sequence[Latency]:
        return [
            Latency(
                service=answered.operation.rpartition(" ")[0],
                operation=answered.operation.rpartition(" ")[2],
                outcome=answered.outcome,
                counts=each.counts,
                total_seconds=each.total_seconds,
            )
            for answered, each in latencies.read().items()
        ]

    return MetricSources(
        latest=engine.samples.latest,
        jobs_by_phase=jobs_by_phase,
        capacity=engine.backend.capacity,
        held=lambda: held_by(engine.backend.held()),
        transferred=transferred,
        dropped_samples=lambda: engine.samples.dropped,
        latency_bounds=BOUNDS_SECONDS,
        latencies=measured,
    )
