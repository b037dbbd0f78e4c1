"""What is removed by its age: jobs after their end, and metrics by the minute."""

from datetime import timedelta

import pytest

from processing_emulator.domain.metrics import MetricKey, Weighted, datum_of
from processing_emulator.domain.phase import JobPhase
from processing_emulator.jobs.retention import Limits, Retention
from processing_emulator.ports import MetricQuery
from tests.contract.ports.stores import NOW, add_job, later, move_to
from tests.fakes.clock import StoppedClock
from tests.fakes.job_removal import MemoryJobRemoval
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore

DAY = 86_400.0


@pytest.mark.parametrize(("jobs_days", "left"), [(None, {"old", "new", "running"}), (2.0, {"new", "running"})])
def test_what_is_too_old_goes(jobs_days: float | None, left: set[str]) -> None:
    store = MemoryJobStore()
    metrics = MemoryMetricStore(store)
    for name, seconds in (("old", 0.0), ("new", 2 * DAY)):
        move_to(store, add_job(store, name), JobPhase.COMPLETED, at=later(seconds))
        key = MetricKey("000000000000", "us-east-1", "space", name)
        metrics.put([datum_of(key, int(later(seconds).timestamp()), "None", [Weighted(1.0, 1)])])
    add_job(store, "running")
    limits = Limits(jobs_days=jobs_days, metrics_days=1.5, most_bytes=None)
    logs, clock = MemoryLogStore(store), StoppedClock(NOW + timedelta(days=3))
    removal = MemoryJobRemoval(store, logs)

    removed = Retention(removal, store, metrics, logs, clock, limits, interval_seconds=60).sweep()

    assert removed == 3 - len(left)
    assert {event.key.name for event in store.events_after(0, 100)} == left
    query = MetricQuery(account="000000000000", region="us-east-1", limit=10)
    assert [key.name for key in metrics.list_metrics(query).metrics] == ["new"]
