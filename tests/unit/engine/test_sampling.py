"""What is measured of a container, and the metrics that it leaves: gaps, events, bounds, nothing counted twice."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.metrics import Datum, MetricKey, Weighted, datum_of
from processing_emulator.domain.usage import GpuReading, UsageReading
from processing_emulator.engine.sample_writer import MOST_WAITING, SampleWriter
from processing_emulator.ports import ContainerSpec, MetricQuery, Window
from tests.fakes.container_script import FakeRun, mounted
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.metric_store import MemoryMetricStore
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

GPU = GpuReading(gpu_id="g0", utilization_percent=70, memory_used_bytes=1, memory_total_bytes=4)
KEY = MetricKey("000000000000", "us-east-1", "space", "m")
ALL = MetricQuery(account="000000000000", region="us-east-1", limit=100)
EVER = Window(since_s=0, until_s=2**40, period_s=2**40)


def a_datum(value: float = 1.0) -> Datum:
    return datum_of(KEY, 60, "None", [Weighted(value, 1)])


def samples(rig: Rig, job: ProcessingJob) -> int:
    return rig.peaks(job).samples if rig.jobs.list_instances(job.id) else 0


def events(rig: Rig, job: ProcessingJob, action: str) -> list[dict[str, Any]]:
    return [dict(event.detail) for event in rig.jobs.list_events(job.id) if event.action == action]


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    made = Rig(tmp_path)
    yield made
    made.close()


def test_a_gpu_that_is_lost_leaves_a_gap_and_two_events(rig: Rig) -> None:
    rig.gpus.readings = {"g0": GPU}
    rig.host = type(rig.host)(vcpus=8.0, memory_bytes=64 * 1024**3, gpu_ids=("g0",))
    rig.script = lambda spec: FakeRun(holds=True)
    rig.start_emulator()
    job = rig.add(instance_type="ml.g5.xlarge")
    wait_for("a sample", lambda: rig.jobs.list_instances(job.id) and rig.peaks(job).gpu_percent)

    rig.gpus.readings = {}
    wait_for("the loss", lambda: events(rig, job, "gpu_lost"))
    before = samples(rig, job)
    wait_for("samples without GPU", lambda: samples(rig, job) > before)
    rig.gpus.readings = {"g0": GPU}
    wait_for("the return", lambda: events(rig, job, "gpu_answers_again"))
    rig.machine.release(rig.container(job))

    assert rig.wait_for_end(job).status == "Completed"
    assert events(rig, job, "gpu_lost") == [{"host": "algo-1", "gpus": ["g0"]}]
    key = MetricKey(*job.key[:2], "/aws/sagemaker/ProcessingJobs", "GPUUtilization", (("Host", "job/algo-1"),))
    [gpu] = rig.metrics.read(key, EVER)
    assert gpu.statistics.samples < samples(rig, job)
    assert (gpu.statistics.minimum, gpu.statistics.maximum) == (70, 70)


def test_a_container_of_a_moment_shows_its_memory_and_its_high_water_mark(rig: Rig) -> None:
    usage = UsageReading(cpu_seconds=0.1, memory_bytes=77_000_000, memory_high_water_bytes=99_000_000)
    rig.script = lambda spec: FakeRun(holds=True, usage=usage)
    rig.start_emulator(sample_interval_seconds=60.0)
    job = rig.add()
    rig.wait_for_phase(job, "Running")
    wait_for("a look", lambda: rig.jobs.list_instances(job.id)[0].container_started_at)
    started = rig.jobs.list_instances(job.id)[0].container_started_at
    assert started is not None
    wait_for("0.5 s", lambda: datetime.now(UTC) - started > timedelta(seconds=0.5))
    rig.machine.release(rig.container(job))
    rig.wait_for_end(job)

    peaks = rig.peaks(job)
    assert (peaks.samples, peaks.memory_bytes, peaks.memory_high_water_bytes) == (1, 77_000_000, 99_000_000)


def test_metrics_that_a_container_leaves_are_published(rig: Rig) -> None:
    """spec 2.7, 6.6; AWS: CloudWatch Metrics for Bring Your Own Containers."""
    now = datetime.now(UTC)
    endpoint = [{"Name": "Endpoint", "Value": "e"}, {"Name": "MonitoringSchedule", "Value": "s"}]
    lines: list[object] = [
        {"MetricName": "drift", "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "Dimensions": endpoint, "Value": 0.5},
        {
            "MetricName": "rows",
            "Timestamp": now.isoformat(),
            "StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2},
        },
        {"MetricName": "late", "Timestamp": "2001-01-01T00:00:00Z", "Value": 1},
        {"MetricName": 5, "Value": 1},
        ["no object"],
    ]

    def work(spec: ContainerSpec) -> None:
        folder = mounted(spec, "/opt/ml/output/metrics/cloudwatch")
        text = "\n".join([*map(json.dumps, lines), "", "{not json"])
        (folder / "cloudwatch_metrics.jsonl").write_text(text)
        (folder / "link").symlink_to("/etc/passwd")
        os.mkfifo(folder / "pipe")

    rig.script = lambda spec: FakeRun(work=work)
    rig.start_emulator()
    job = rig.add(Environment={"publish_cloudwatch_metrics": "Enabled"})
    assert rig.wait_for_end(job).status == "Completed"

    found = {key.name: key for key in rig.metrics.list_metrics(ALL).metrics if not key.name.endswith("Utilization")}
    assert {name: key.namespace for name, key in found.items()} == {
        "drift": "/aws/sagemaker/Endpoint/data-metrics",
        "rows": "/aws/sagemaker/ModelMonitoring/data-metrics",
    }
    assert rig.metrics.read(found["rows"], EVER)[0].statistics == (2, 3, 1, 2)
    assert events(rig, job, "metrics_published")[0]["number"] == 2
    [refused] = events(rig, job, "metrics_refused")
    assert refused["number"] == 6
    assert refused["first"].startswith("cloudwatch_metrics.jsonl, line 3: ")


@pytest.mark.parametrize("environment", [{}, {"publish_cloudwatch_metrics": "Disabled"}])
def test_jobs_that_do_not_ask_for_it_publish_nothing(rig: Rig, environment: dict[str, str]) -> None:
    def work(spec: ContainerSpec) -> None:
        folder = mounted(spec, "/opt/ml/output/metrics/cloudwatch")
        assert not folder.exists()
        folder.mkdir(parents=True)
        (folder / "x.jsonl").write_text('{"MetricName": "m", "Value": 1}')

    rig.script = lambda spec: FakeRun(work=work)
    rig.start_emulator()
    job = rig.add(Environment=environment)
    assert rig.wait_for_end(job).status == "Completed"
    assert not events(rig, job, "metrics_published")
    assert all(key.name.endswith("Utilization") for key in rig.metrics.list_metrics(ALL).metrics)


def test_samples_that_cannot_be_stored_are_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    jobs = MemoryJobStore()
    store = MemoryMetricStore(jobs)
    writer = SampleWriter(store, SystemClock(), kept_seconds=3600)

    jobs.go_down()
    for number in (2, 1):
        writer.offer([a_datum()] * number)
        writer.flush()
    jobs.come_back()
    writer.offer([a_datum(5.0)])
    writer.flush()

    assert writer.dropped == 3
    said = [(record.message, getattr(record, "dropped", None)) for record in caplog.records]
    assert said == [("samples dropped", None), ("samples stored again", 3)]
    assert [bucket.statistics.total for bucket in store.read(KEY, EVER)] == [5.0]


def test_not_more_than_a_bound_of_samples_waits() -> None:
    store = MemoryMetricStore(MemoryJobStore())
    writer = SampleWriter(store, SystemClock(), kept_seconds=3600)

    writer.offer(a_datum(float(n)) for n in range(MOST_WAITING + 10))
    writer.flush()

    assert writer.dropped == 10
    [bucket] = store.read(KEY, EVER)
    assert (bucket.statistics.samples, bucket.statistics.minimum) == (MOST_WAITING, 10.0)


def test_the_writer_stores_what_waits_when_it_ends_and_forgets_old_seconds() -> None:
    store = MemoryMetricStore(MemoryJobStore())
    store.put([a_datum()])
    writer = SampleWriter(store, SystemClock(), kept_seconds=3600)
    writer.start()
    wait_for("the old second to go", lambda: not store.read_values(KEY, EVER))
    writer.offer([a_datum(2.0)])
    writer.stop()

    assert [bucket.statistics.total for bucket in store.read(KEY, EVER)] == [3.0]
