"""The port suite of JobStore: clearing."""

import pytest

from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.usage import UsageSample, UsageScale, usage_data, usage_metric
from processing_emulator.errors import JobNotFound
from processing_emulator.ports import JobQuery, Window
from tests.builders import a_key, a_request
from tests.contract.ports.stores import LIMITS, NOW, PortStores, add_job, move_to, race
from tests.log_batches import a_batch


def _fill(stores: PortStores) -> list[int]:
    """Three jobs with all that can belong to one, in two accounts; their ids."""
    ids = []
    for account in ("000000000000", "111111111111"):
        job = stores.jobs.add(a_key("job", account=account), a_request("job"), {"team": "a"}, NOW)
        stores.jobs.ensure_instances(job.id, [LIMITS])
        stores.logs.append_output(job.id, 0, a_batch("x"))
        sample = UsageSample(at=NOW, cpu_percent=1.0, memory_bytes=2, disk_bytes=3)
        stores.metrics.put(list(usage_data(job.key, "algo-1", sample, UsageScale(100, 100))))
        ids.append(job.id)
    ended = move_to(stores.jobs, add_job(stores.jobs, "ended"), JobPhase.COMPLETED)
    return [*ids, ended.id]


def test_an_empty_store_clears_nothing(stores: PortStores) -> None:
    assert stores.jobs.clear() == 0


def test_nothing_of_any_account_is_left(stores: PortStores) -> None:
    ids = _fill(stores)
    assert stores.jobs.clear() == 3
    assert list(stores.jobs.list_unfinished()) == []
    for account in ("000000000000", "111111111111"):
        query = JobQuery(account=account, region="us-east-1", limit=10)
        assert stores.jobs.list_page(query).jobs == ()
        assert stores.jobs.find(a_key("job", account=account)) is None
        assert stores.logs.list_groups(account, "us-east-1") == []
    for job_id in map(type(stores.jobs.add(a_key(), a_request(), {}, NOW).id), ids):
        with pytest.raises(JobNotFound):
            stores.jobs.get(job_id)
        assert list(stores.jobs.list_events(job_id)) == []
        assert dict(stores.jobs.list_tags(job_id)) == {}
        assert list(stores.jobs.list_instances(job_id)) == []
        assert stores.logs.output_stream(job_id, 0) is None
    key = usage_metric(a_key("job", account="000000000000"), "algo-1", "CPUUtilization")
    assert list(stores.metrics.read(key, Window(since_s=0, until_s=2**40, period_s=2**40))) == []


def test_names_are_free_again_and_ids_are_not(stores: PortStores) -> None:
    """A container or a folder of a cleared job must never be taken for that of a new one."""
    ids = _fill(stores)
    stores.jobs.clear()
    assert add_job(stores.jobs).id > max(ids)
    assert add_job(stores.jobs, "ended").id > max(ids) + 1


def test_a_deleted_job_is_removed_but_not_counted(stores: PortStores) -> None:
    job = move_to(stores.jobs, add_job(stores.jobs), JobPhase.COMPLETED)
    stores.jobs.delete(job.id, NOW)
    assert stores.jobs.clear() == 0
    with pytest.raises(JobNotFound):
        stores.jobs.get(job.id)


def test_jobs_added_meanwhile_are_there_whole_or_not_at_all(stores: PortStores) -> None:
    def add(number: int) -> None:
        job = stores.jobs.add(a_key(f"job-{number}"), a_request(), {"n": str(number)}, NOW)
        assert job.key.name == f"job-{number}"

    race([lambda number=number: add(number) for number in range(8)] + [lambda: stores.jobs.clear() and None])
    left = stores.jobs.list_unfinished()
    for job in left:
        assert [event.action for event in stores.jobs.list_events(job.id)] == ["created"]
        assert dict(stores.jobs.list_tags(job.id)) == {"n": job.key.name.removeprefix("job-")}
    assert stores.jobs.clear() == len(left)
