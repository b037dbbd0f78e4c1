"""What only the stores in memory can do: fail when told to."""

from collections.abc import Callable

import pytest

from processing_emulator.domain.job import JobId
from processing_emulator.domain.usage import UsageSample
from processing_emulator.errors import StoreFailure
from processing_emulator.ports import JobQuery
from tests.contract.ports.stores import NOW, add_instance, add_job
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.sample_store import MemorySampleStore
from tests.log_batches import a_batch

SAMPLE = UsageSample(at=NOW, cpu_percent=1.0, memory_bytes=1, disk_bytes=1)


def test_store_that_is_down_refuses_everything_and_comes_back_with_what_it_had() -> None:
    jobs = MemoryJobStore()
    logs, samples = MemoryLogStore(jobs), MemorySampleStore(jobs)
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
        lambda: samples.append_sample(job_id, 0, SAMPLE),
        lambda: samples.peaks(job_id, 0),
    ]
    jobs.go_down()
    for call in calls:
        with pytest.raises(StoreFailure):
            call()
    jobs.come_back()
    assert list(jobs.list_unfinished()) == [before]
    assert logs.output_stream(job_id, 0) is None
    assert samples.peaks(job_id, 0).samples == 0
