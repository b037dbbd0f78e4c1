"""Sources of Prometheus's metrics for tests."""

from dataclasses import replace
from typing import Any

from processing_emulator.admin.prometheus_metrics import MetricSources
from processing_emulator.domain.capacity import NodeCapacity, held_by

NODE = NodeCapacity(vcpus=4.0, memory_bytes=8, gpu_ids=("g0",), container_cpus=4.0)


def sources(**changes: Any) -> MetricSources:
    """Sources that have nothing to tell, but for these changes."""
    nothing = MetricSources(
        latest=list,
        jobs_by_phase=dict,
        capacity=lambda: NODE,
        held=lambda: held_by(()),
        transferred=list,
        dropped_samples=lambda: 0,
        latency_bounds=(0.1, 1.0),
        latencies=list,
    )
    return replace(nothing, **changes)
