"""`/_emulator/metrics`: what Prometheus reads, and that the dashboard asks for nothing else."""

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from processing_emulator.admin.prometheus_metrics import Latency, MetricSources, Transferred, prometheus_text
from processing_emulator.domain.capacity import held_by
from processing_emulator.domain.job import Limits
from processing_emulator.domain.metrics import Weighted, datum_of
from processing_emulator.domain.usage import usage_metric
from processing_emulator.errors import RuntimeUnavailable
from tests.builders import a_key
from tests.unit.admin.metric_sources import sources

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "monitoring" / "grafana" / "dashboards" / "emulator.json"
HOST = {"account": "000000000000", "region": "us-east-1", "job": "job", "host": "algo-1"}


def scraped(made: MetricSources) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All samples by name and labels."""
    families = text_string_to_metric_families(prometheus_text(made).decode())
    return {
        (sample.name.removeprefix("processing_emulator_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def labels(**given: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(given.items()))


def full() -> MetricSources:
    names = ("CPU", "Memory", "Disk", "GPU", "GPUMemory")
    latest = [
        datum_of(usage_metric(a_key("job"), "algo-1", f"{name}Utilization"), 60, "Percent", [Weighted(n + 0.5, 1)])
        for n, name in enumerate(names)
    ]
    limits = Limits(vcpus=1.0, reserved_vcpus=2.0, memory_bytes=3, volume_bytes=1, gpu_ids=("g0",))
    return sources(
        latest=lambda: latest,
        jobs_by_phase=lambda: {"Pending": 3, "Running": 1},
        held=lambda: held_by([limits, limits]),
        transferred=lambda: [Transferred(direction="in", objects=2, size_bytes=10, errors=1)],
        dropped_samples=lambda: 7,
        latencies=lambda: [
            Latency(service="SageMaker", operation="AddTags", outcome="ok", counts=[5, 2, 1], total_seconds=9.5)
        ],
    )


def test_a_scrape_has_hosts_queue_capacity_staging_and_latencies() -> None:
    found = scraped(full())

    for n, name in enumerate(("cpu", "memory", "disk", "gpu", "gpu_memory")):
        assert found[f"host_{name}_utilization_percent", labels(**HOST)] == n + 0.5
    assert found["unfinished_jobs", labels(phase="Pending")] == 3
    assert (found["reserved_vcpus", ()], found["capacity_vcpus", ()]) == (4, 4)
    assert (found["reserved_memory_bytes", ()], found["capacity_memory_bytes", ()]) == (6, 8)
    assert (found["reserved_gpus", ()], found["capacity_gpus", ()]) == (2, 1)
    totals = {name: found[f"staged_{name}_total", labels(direction="in")] for name in ("bytes", "objects", "errors")}
    assert totals == {"bytes": 10, "objects": 2, "errors": 1}
    assert found["dropped_samples_total", ()] == 7
    operation = {"service": "SageMaker", "operation": "AddTags", "outcome": "ok"}
    buckets = [found["operation_seconds_bucket", labels(**operation, le=bound)] for bound in ("0.1", "1", "+Inf")]
    assert buckets == [5, 7, 8]
    assert found["operation_seconds_count", labels(**operation)] == 8
    assert found["operation_seconds_sum", labels(**operation)] == 9.5


def test_an_engine_that_does_not_answer_leaves_a_gap() -> None:
    def away() -> Any:
        raise RuntimeUnavailable("no Docker")

    found = scraped(sources(capacity=away))
    assert ("capacity_vcpus", ()) not in found
    assert found["reserved_vcpus", ()] == 0


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
    asked = {name for expression in expressions for name in re.findall(r"processing_emulator_\w+", expression)}
    there = {f"processing_emulator_{name}" for name, _ in scraped(full())}

    assert asked
    assert asked <= there
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])


def test_the_page_lists_every_metric() -> None:
    page = (ROOT / "docs" / "prometheus.md").read_text(encoding="utf-8")
    names = {name for name, _ in scraped(full())}
    missing = {
        name for name in names if name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") not in page
    }
    assert missing == set()
