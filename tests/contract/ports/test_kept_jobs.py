"""The port suite of KeptJobStore."""

import pytest

from processing_emulator.domain.job import JobEvent, JobFacts, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import JobNotKept
from processing_emulator.ports import JobStore
from tests.contract.ports.stores import NOW, add_job, later, move_to


def kept(jobs: JobStore, name: str, seconds: float) -> ProcessingJob:
    """A job that failed at once, and is kept for so long."""
    job = add_job(jobs, name)
    facts = JobFacts(ended_at=later(1), failure_reason="AlgorithmError: ", kept_until=later(seconds))
    return jobs.advance(job.id, JobPhase.PENDING, JobPhase.FAILED, later(1), facts)


def test_a_job_is_kept_from_the_transaction_that_ends_it(jobs: JobStore) -> None:
    job = kept(jobs, "job", 60)
    assert jobs.get(job.id).kept_until == later(60)
    assert [job.is_kept(at) for at in (later(1), later(59), later(60))] == [True, True, False]
    changed, event = jobs.list_events(job.id)[-2:]
    assert (changed.action, event.action, event.at) == ("phase_changed", "kept", later(1))
    assert event.detail["command"] == "processing-emulator debug job"
    assert move_to(jobs, add_job(jobs, "other"), JobPhase.FAILED).kept_until is None


def test_kept_jobs_are_listed_with_the_least_time_first_until_it_is_over(jobs: JobStore) -> None:
    kept(jobs, "long", 90)
    kept(jobs, "short", 60)
    move_to(jobs, add_job(jobs, "other"), JobPhase.FAILED)
    assert [job.key.name for job in jobs.list_kept(later(59))] == ["short", "long"]
    assert [job.key.name for job in jobs.list_kept(later(60))] == ["long"]


def test_the_time_is_changed_with_an_event_while_the_job_is_kept(jobs: JobStore) -> None:
    job = kept(jobs, "job", 60)
    event = JobEvent(at=later(50), action="debugged", detail={"host": "algo-1"})
    assert jobs.change_kept(job.id, later(110), event).kept_until == later(110)
    assert jobs.list_events(job.id)[-1] == event
    with pytest.raises(JobNotKept):
        jobs.change_kept(job.id, later(200), JobEvent(at=later(110), action="debugged"))
    other = move_to(jobs, add_job(jobs, "other"), JobPhase.FAILED)
    with pytest.raises(JobNotKept):
        jobs.change_kept(other.id, later(200), JobEvent(at=NOW, action="debugged"))
    assert "debugged" not in [each.action for each in jobs.list_events(other.id)]


def test_a_deleted_job_is_not_kept(jobs: JobStore) -> None:
    job = kept(jobs, "job", 60)
    jobs.delete(job.id, later(2))
    assert jobs.get(job.id).kept_until is None
    assert jobs.list_kept(later(3)) == []
