"""The port suite of JobStore: the instances of a job."""

from dataclasses import replace
from functools import partial

import pytest

from processing_emulator.domain.job import InstanceRecord, JobFacts, JobId, Limits, LogCursor, Transfer
from processing_emulator.domain.outcome import ContainerExit, StopCause
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import JobNotFound
from tests.contract.ports.stores import LIMITS, PortStores, add_instance, add_job, later, race
from tests.log_batches import a_batch

UNKNOWN = JobId(4711)
GPU_LIMITS = Limits(
    node="worker-2",
    vcpus=0.5,
    reserved_vcpus=7.25,
    memory_bytes=3 * 2**40,
    gpu_ids=("GPU-b", "GPU-a"),
    volume_bytes=16384 * 2**30,
    capped=True,
)


def finished(record: InstanceRecord) -> InstanceRecord:
    """The record with every fact there is, each of another value."""
    return replace(
        record,
        limits=GPU_LIMITS,
        container_id="c0ffee",
        container_started_at=later(1.25),
        exit=ContainerExit(code=137, out_of_memory=True),
        exit_message="it went well",
        stopped=StopCause.PEER_FAILED,
        staged_in=Transfer(objects=1, size_bytes=2**40, seconds=0.5),
        staged_out=Transfer(objects=3, size_bytes=4, seconds=5.75),
    )


def test_first_call_makes_all_records_with_the_limits_given(stores: PortStores) -> None:
    job = add_job(stores.jobs)
    records = stores.jobs.ensure_instances(job.id, [GPU_LIMITS, LIMITS])
    assert list(records) == [
        InstanceRecord(job_id=job.id, index=0, limits=GPU_LIMITS),
        InstanceRecord(job_id=job.id, index=1, limits=LIMITS),
    ]
    assert list(stores.jobs.list_instances(job.id)) == list(records)


def test_later_calls_leave_records_as_they_are(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    stores.logs.append_output(job_id, 0, a_batch("x"))
    saved = finished(stores.jobs.list_instances(job_id)[0])
    stores.jobs.save_instance(saved)
    first, second = stores.jobs.ensure_instances(job_id, [LIMITS, GPU_LIMITS])
    assert (first, second.limits) == (saved, GPU_LIMITS)


def test_instance_of_an_unknown_job_is_not_found_and_not_made(stores: PortStores) -> None:
    with pytest.raises(JobNotFound):
        stores.jobs.ensure_instances(UNKNOWN, [LIMITS])
    assert list(stores.jobs.list_instances(UNKNOWN)) == []


def test_of_racing_calls_one_makes_all_records(stores: PortStores) -> None:
    job = add_job(stores.jobs)
    limits = [replace(LIMITS, memory_bytes=number) for number in range(1, 7)]
    results = race([partial(stores.jobs.ensure_instances, job.id, [asked] * 3) for asked in limits])
    stored = list(stores.jobs.list_instances(job.id))
    assert len(stored) == 3
    assert len({record.limits for record in stored}) == 1
    assert all(result == stored for result in results)


def test_instances_are_listed_in_order_and_by_job(stores: PortStores) -> None:
    job, other = add_job(stores.jobs, "a"), add_job(stores.jobs, "b")
    stores.jobs.ensure_instances(job.id, [LIMITS] * 12)
    stores.jobs.ensure_instances(other.id, [LIMITS])
    assert [record.index for record in stores.jobs.list_instances(job.id)] == list(range(12))
    assert [record.host for record in stores.jobs.list_instances(other.id)] == ["algo-1"]


def test_instances_of_unfinished_jobs_are_listed_together(stores: PortStores) -> None:
    first, ended, bare, last = (add_job(stores.jobs, name) for name in "abcd")
    for job, count in ((last, 1), (first, 2), (ended, 1)):
        stores.jobs.ensure_instances(job.id, [LIMITS] * count)
    stores.jobs.advance(ended.id, ended.phase, JobPhase.FAILED, later(1), JobFacts(ended_at=later(1)))

    listed = stores.jobs.list_unfinished_instances()

    assert [(record.job_id, record.index) for record in listed] == [(first.id, 0), (first.id, 1), (last.id, 0)]
    assert list(listed[:2]) == list(stores.jobs.list_instances(first.id))
    assert list(stores.jobs.list_instances(bare.id)) == []


def test_every_fact_is_stored_and_can_be_taken_back(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    bare = stores.jobs.list_instances(job_id)[0]
    stores.jobs.save_instance(finished(bare))
    assert list(stores.jobs.list_instances(job_id)) == [finished(bare)]
    stores.jobs.save_instance(bare)
    assert list(stores.jobs.list_instances(job_id)) == [bare]


def test_exit_with_zero_and_empty_message_are_facts_too(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    record = replace(
        stores.jobs.list_instances(job_id)[0],
        exit=ContainerExit(code=0),
        exit_message="",
        staged_in=Transfer(objects=0, size_bytes=0, seconds=0.0),
    )
    stores.jobs.save_instance(record)
    assert list(stores.jobs.list_instances(job_id)) == [record]


def test_saving_leaves_the_cursor_to_the_log(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    read_before = stores.jobs.list_instances(job_id)[0]
    cursor = LogCursor(newest_ns=1_767_323_045_000_000_001, lines_in_second=2, lines_in_newest=1, lines=2)
    stores.logs.append_output(job_id, 0, replace(a_batch("a", "b"), read_to=cursor))
    stores.jobs.save_instance(replace(read_before, container_id="c0ffee"))
    (after,) = stores.jobs.list_instances(job_id)
    assert (after.container_id, after.cursor) == ("c0ffee", cursor)


def test_saving_touches_no_other_instance(stores: PortStores) -> None:
    job_id, other = add_instance(stores.jobs, "a"), add_instance(stores.jobs, "b")
    _, second = stores.jobs.ensure_instances(job_id, [LIMITS] * 2)
    stores.jobs.save_instance(finished(stores.jobs.list_instances(job_id)[0]))
    assert stores.jobs.list_instances(job_id)[1] == second
    assert list(stores.jobs.list_instances(other)) == [InstanceRecord(job_id=other, index=0, limits=LIMITS)]


def test_message_that_is_not_unicode_is_stored_with_question_marks(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    stores.jobs.save_instance(replace(stores.jobs.list_instances(job_id)[0], exit_message="a\udcffb"))
    assert stores.jobs.list_instances(job_id)[0].exit_message == "a?b"


@pytest.mark.parametrize("index", [0, 1])
def test_record_that_was_never_made_cannot_be_saved(stores: PortStores, index: int) -> None:
    job_id = UNKNOWN if index == 0 else add_instance(stores.jobs)
    with pytest.raises(JobNotFound):
        stores.jobs.save_instance(InstanceRecord(job_id=job_id, index=index, limits=LIMITS))
    assert index not in [record.index for record in stores.jobs.list_instances(job_id)]
