"""The port suite of JobStore: deletion, tags, and the selected instance type."""

from functools import partial

import pytest

from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import InstanceChoice
from processing_emulator.errors import JobNotDeletable, JobNotFound, ValidationFailed
from processing_emulator.ports import JobQuery, JobStore
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job, later, move_to, race

UNKNOWN = JobId(4711)
TERMINAL = [phase for phase in JobPhase if phase.is_terminal]
UNFINISHED = [phase for phase in JobPhase if not phase.is_terminal]


def listed(jobs: JobStore) -> list[str]:
    page = jobs.list_page(JobQuery(account="000000000000", region="us-east-1", limit=100))
    return [job.key.name for job in page.jobs]


def ended(jobs: JobStore, name: str = "job") -> ProcessingJob:
    return move_to(jobs, add_job(jobs, name), JobPhase.STOPPED)


class TestDelete:
    @pytest.mark.parametrize("phase", TERMINAL)
    def test_deleted_job_is_in_no_look_up_but_the_one_by_id(self, jobs: JobStore, phase: JobPhase) -> None:
        job = move_to(jobs, add_job(jobs, "gone"), phase)
        add_job(jobs, "stays")
        jobs.delete(job.id, later(1))
        assert listed(jobs) == ["stays"]
        assert jobs.find(job.key) is None
        assert jobs.get(job.id) == job

    @pytest.mark.parametrize("phase", UNFINISHED)
    def test_unfinished_job_is_not_deleted(self, jobs: JobStore, phase: JobPhase) -> None:
        job = move_to(jobs, add_job(jobs), phase)
        with pytest.raises(JobNotDeletable):
            jobs.delete(job.id, later(1))
        assert jobs.find(job.key) == job
        assert [event.action for event in jobs.list_events(job.id)].count("deleted") == 0

    def test_second_deletion_finds_nothing(self, jobs: JobStore) -> None:
        job = ended(jobs)
        jobs.delete(job.id, later(1))
        with pytest.raises(JobNotFound):
            jobs.delete(job.id, later(2))
        with pytest.raises(JobNotFound):
            jobs.delete(UNKNOWN, later(2))

    def test_name_is_free_again_for_another_job(self, jobs: JobStore) -> None:
        first = ended(jobs, "Name")
        jobs.delete(first.id, later(1))
        second = add_job(jobs, "name", at=later(2))
        assert second.id > first.id
        assert jobs.find(second.key) == second
        assert jobs.find(first.key) == second
        with pytest.raises(JobNotFound):
            jobs.delete(first.id, later(3))
        assert listed(jobs) == ["name"]

    def test_history_ends_with_deleted_and_tags_are_removed(self, jobs: JobStore) -> None:
        job = jobs.add(a_key(), a_request(), {"k": "v"}, NOW)
        move_to(jobs, job, JobPhase.FAILED)
        jobs.delete(job.id, later(1))
        assert jobs.list_events(job.id)[-1].action == "deleted"
        assert jobs.list_tags(job.id) == {}

    def test_of_many_deletions_at_once_one_succeeds(self, jobs: JobStore) -> None:
        job = ended(jobs)
        results = race([partial(jobs.delete, job.id, later(1)) for _ in range(6)])
        assert results.count(None) == 1
        assert all(result is None or isinstance(result, JobNotFound) for result in results)

    def test_pages_are_full_between_deleted_jobs(self, jobs: JobStore) -> None:
        for number in range(9):
            job = ended(jobs, f"j{number}")
            if number % 3:
                jobs.delete(job.id, later(1))
        page = jobs.list_page(JobQuery(account="000000000000", region="us-east-1", limit=2))
        assert [job.key.name for job in page.jobs] == ["j0", "j3"]
        rest = JobQuery(account="000000000000", region="us-east-1", limit=2, after=page.last)
        assert [job.key.name for job in jobs.list_page(rest).jobs] == ["j6"]


class TestTags:
    def test_tags_are_added_and_overwritten_by_key(self, jobs: JobStore) -> None:
        job = jobs.add(a_key(), a_request(), {"a": "1", "b": "2"}, NOW)
        assert jobs.put_tags(job.id, {"b": "3", "c": ""}, 50) == {"a": "1", "b": "3", "c": ""}
        assert jobs.list_tags(job.id) == {"a": "1", "b": "3", "c": ""}

    def test_more_tags_than_the_limit_change_nothing(self, jobs: JobStore) -> None:
        job = jobs.add(a_key(), a_request(), {"a": "1", "b": "2"}, NOW)
        assert len(jobs.put_tags(job.id, {"b": "x", "c": "3"}, 3)) == 3
        with pytest.raises(ValidationFailed, match="more than 3 tags; it would have 4"):
            jobs.put_tags(job.id, {"a": "changed", "d": "4"}, 3)
        assert jobs.list_tags(job.id) == {"a": "1", "b": "x", "c": "3"}

    def test_tags_of_no_job_are_refused(self, jobs: JobStore) -> None:
        with pytest.raises(JobNotFound):
            jobs.put_tags(UNKNOWN, {"a": "1"}, 50)

    def test_a_deleted_job_gets_no_tags(self, jobs: JobStore) -> None:
        job = ended(jobs)
        jobs.delete(job.id, later(1))
        with pytest.raises(JobNotFound):
            jobs.put_tags(job.id, {"a": "1"}, 50)
        assert jobs.list_tags(job.id) == {}

    def test_removing_a_key_that_is_not_there_is_no_error(self, jobs: JobStore) -> None:
        job = jobs.add(a_key(), a_request(), {"a": "1", "b": "2"}, NOW)
        other = jobs.add(a_key("other"), a_request("other"), {"a": "1"}, NOW)
        jobs.remove_tags(job.id, ["a", "never", "A"])
        jobs.remove_tags(UNKNOWN, ["a"])
        assert jobs.list_tags(job.id) == {"b": "2"}
        assert jobs.list_tags(other.id) == {"a": "1"}


class TestSelect:
    def test_choice_is_kept_with_the_job(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        choice = InstanceChoice(instance_type="ml.m5.large", count=2)
        assert job.selected is None
        assert jobs.select(job.id, choice).selected == choice
        moved = move_to(jobs, jobs.get(job.id), JobPhase.RUNNING)
        assert (moved.selected, jobs.get(job.id).selected) == (choice, choice)

    def test_choice_for_no_job_is_refused(self, jobs: JobStore) -> None:
        with pytest.raises(JobNotFound):
            jobs.select(UNKNOWN, InstanceChoice(instance_type="ml.m5.large", count=1))
