"""What only the stores in memory can do: fail when told to."""

from collections.abc import Callable

import pytest

from processing_emulator.domain.job import JobId
from processing_emulator.domain.metrics import MetricKey, Weighted, datum_of
from processing_emulator.errors import StoreFailure
from processing_emulator.ports import JobQuery, MetricQuery
from tests.contract.ports.stores import NOW, add_instance, add_job
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore
from tests.log_batches import a_batch

DATUM = datum_of(MetricKey("000000000000", "us-east-1", "n", "m"), 60, "Count", [Weighted(1.0, 1)])
ALL = MetricQuery(account="000000000000", region="us-east-1", limit=9)


def test_store_that_is_down_refuses_everything_and_comes_back_with_what_it_had() -> None:
    jobs = MemoryJobStore()
    logs, metrics = MemoryLogStore(jobs), MemoryMetricStore(jobs)
    job_id = add_instance(jobs)
    before = jobs.get(job_id)
    calls: list[Callable[[], object]] = [
        lambda: jobs.get(JobId(1)),
        lambda: jobs.find(before.key),
        lambda: jobs.list_page(JobQuery(account="000000000000", region="us-east-1", limit=1)),
        lambda: jobs.request_stop(job_id, NOW),
        lambda: add_job(jobs, "other"),
        lambda: logs.append_output(job_id, 0, a_batch("x")),
        lambda: logs.output_stream(job_id, 0),
        lambda: metrics.put([DATUM]),
        lambda: metrics.list_metrics(ALL),
    ]
    jobs.go_down()
    for call in calls:
        with pytest.raises(StoreFailure):
            call()
    jobs.come_back()
    assert list(jobs.list_unfinished()) == [before]
    assert logs.output_stream(job_id, 0) is None
    assert metrics.list_metrics(ALL).metrics == ()
