"""The port suite of JobStore: adding, finding and moving jobs, requests to stop, and history."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest

from processing_emulator.domain.job import JobEvent, JobFacts, JobId, JobKey, ProcessingJob, Uptime
from processing_emulator.domain.phase import TRANSITIONS, JobPhase, ProcessingJobStatus
from processing_emulator.errors import InternalBug, JobNameInUse, JobNotFound, JobNotStoppable, StaleJob
from processing_emulator.ports import JobQuery, JobStore
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job, later, move_to, race

UNKNOWN = JobId(4711)
UPTIME = Uptime(boot_id="a-boot", seconds=1234.5)
TERMINAL = [phase for phase in JobPhase if phase.is_terminal]
UNFINISHED = [phase for phase in JobPhase if not phase.is_terminal]


def all_jobs(jobs: JobStore) -> tuple[ProcessingJob, ...]:
    return jobs.list_page(JobQuery(account="000000000000", region="us-east-1", limit=100)).jobs


class TestAdd:
    def test_new_job_is_pending_and_modified_when_it_was_created(self, jobs: JobStore) -> None:
        job = jobs.add(a_key("Job-1"), a_request("Job-1"), {}, NOW)
        assert job == ProcessingJob(
            id=job.id,
            key=a_key("Job-1"),
            phase=JobPhase.PENDING,
            request=a_request("Job-1"),
            created_at=NOW,
            modified_at=NOW,
        )

    def test_job_is_read_back_as_it_was_returned(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        assert jobs.find(job.key) == job
        assert jobs.get(job.id) == job

    def test_moments_are_kept_in_utc_to_the_millisecond(self, jobs: JobStore) -> None:
        at = datetime(2026, 1, 2, 3, 4, 5, 678999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
        job = add_job(jobs, at=at)
        assert job.created_at.isoformat() == "2026-01-01T21:34:05.678000+00:00"
        assert jobs.get(job.id).created_at.isoformat() == "2026-01-01T21:34:05.678000+00:00"

    def test_stored_request_does_not_change_with_the_callers_object(self, jobs: JobStore) -> None:
        request = a_request(arguments=["ä\n\0", "\ud800"], Environment={"K": ""})
        job = jobs.add(a_key(), request, {}, NOW)
        request["AppSpecification"]["ContainerArguments"].append("more")
        expected = a_request(arguments=["ä\n\0", "\ud800"], Environment={"K": ""})
        assert job.request == expected
        assert jobs.get(job.id).request == expected

    def test_tags_are_kept_by_job(self, jobs: JobStore) -> None:
        tagged = jobs.add(a_key("a"), a_request("a"), {"team": "ml", "Team": "x", "empty": ""}, NOW)
        plain = jobs.add(a_key("b"), a_request("b"), {}, NOW)
        assert jobs.list_tags(tagged.id) == {"team": "ml", "Team": "x", "empty": ""}
        assert jobs.list_tags(plain.id) == {}
        assert jobs.list_tags(UNKNOWN) == {}

    def test_history_begins_with_created(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        assert list(jobs.list_events(job.id)) == [JobEvent(at=NOW, action="created")]

    @pytest.mark.parametrize("second", ["My-Job", "my-job", "MY-JOB"])
    def test_second_job_of_a_name_is_refused_without_regard_to_case(self, jobs: JobStore, second: str) -> None:
        first = add_job(jobs, "My-Job")
        with pytest.raises(JobNameInUse) as refused:
            jobs.add(a_key(second), a_request(second), {"k": "v"}, later(1))
        assert str(refused.value) == (
            "Job name must be unique within an AWS account and region, and a job with this name already exists"
            " (arn:aws:sagemaker:us-east-1:000000000000:processing-job/my-job)"
        )
        assert all_jobs(jobs) == (first,)
        assert jobs.list_tags(first.id) == {}
        assert len(jobs.list_events(first.id)) == 1

    def test_name_of_a_finished_job_is_still_in_use(self, jobs: JobStore) -> None:
        move_to(jobs, add_job(jobs), JobPhase.COMPLETED)
        with pytest.raises(JobNameInUse):
            add_job(jobs)

    @pytest.mark.parametrize("other", [a_key("job", account="111111111111"), a_key("job", region="eu-west-1")])
    def test_same_name_elsewhere_is_another_job(self, jobs: JobStore, other: JobKey) -> None:
        here = add_job(jobs, "job")
        there = jobs.add(other, a_request("job"), {}, NOW)
        assert there.id != here.id
        assert jobs.find(other) == there
        assert jobs.find(here.key) == here

    def test_of_concurrent_adds_of_one_name_exactly_one_wins(self, jobs: JobStore) -> None:
        names = ["race", "Race", "RACE", "rAcE", "racE", "RAce"]
        results = race([partial(add_job, jobs, name) for name in names])
        winners = [result for result in results if isinstance(result, ProcessingJob)]
        assert len(winners) == 1
        assert sum(isinstance(result, JobNameInUse) for result in results) == len(names) - 1
        assert all_jobs(jobs) == (winners[0],)


class TestFind:
    @pytest.mark.parametrize("asked", ["My-Job", "my-job", "MY-JOB"])
    def test_name_is_found_in_any_case(self, jobs: JobStore, asked: str) -> None:
        job = add_job(jobs, "My-Job")
        assert jobs.find(a_key(asked)) == job

    def test_find_looks_in_its_account_and_region_only(self, jobs: JobStore) -> None:
        add_job(jobs)
        assert jobs.find(a_key(account="111111111111")) is None
        assert jobs.find(a_key(region="eu-west-1")) is None

    @pytest.mark.parametrize("name", ["\ud800", "job\0"])
    def test_text_that_no_database_can_hold_is_no_job_s_name(self, jobs: JobStore, name: str) -> None:
        assert jobs.find(a_key(name)) is None

    def test_get_of_an_unknown_id_is_not_found(self, jobs: JobStore) -> None:
        with pytest.raises(JobNotFound):
            jobs.get(UNKNOWN)

    def test_list_unfinished_has_all_accounts_oldest_first(self, jobs: JobStore) -> None:
        first = jobs.add(a_key("z", account="999999999999"), a_request("z"), {}, later(5))
        for phase in TERMINAL:
            move_to(jobs, add_job(jobs, f"ended-{phase}"), phase)
        others = [move_to(jobs, add_job(jobs, f"a-{phase}"), phase) for phase in UNFINISHED]
        stopping = jobs.request_stop(add_job(jobs, "stopping").id, NOW)
        last = add_job(jobs, "last")
        assert list(jobs.list_unfinished()) == [first, *others, stopping, last]


class TestAdvance:
    def test_advance_moves_the_job_and_writes_its_history(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        moved = jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, later(1.5))
        assert moved == replace(job, phase=JobPhase.PULLING, modified_at=later(1.5))
        assert jobs.get(job.id) == moved
        assert jobs.list_events(job.id)[1:] == [
            JobEvent(at=later(1.5), action="phase_changed", detail={"from": "Pending", "to": "Pulling"})
        ]

    def test_facts_are_stored_with_the_move_and_missing_ones_leave_what_is_there(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        jobs.advance(
            job.id, JobPhase.PENDING, JobPhase.PULLING, later(1), JobFacts(started_at=later(1), started_uptime=UPTIME)
        )
        facts = JobFacts(ended_at=later(2), failure_reason="AlgorithmError: , exit code: 1", exit_message="ü")
        ended = jobs.advance(job.id, JobPhase.PULLING, JobPhase.FAILED, later(3), facts)
        assert ended == replace(
            job,
            phase=JobPhase.FAILED,
            modified_at=later(3),
            started_at=later(1),
            started_uptime=UPTIME,
            ended_at=later(2),
            failure_reason="AlgorithmError: , exit code: 1",
            exit_message="ü",
        )
        assert jobs.get(job.id) == ended

    def test_end_stored_before_the_terminal_phase_is_enough(self, jobs: JobStore) -> None:
        job = move_to(jobs, add_job(jobs), JobPhase.RUNNING)
        jobs.advance(job.id, JobPhase.RUNNING, JobPhase.STAGING_OUT, later(1), JobFacts(ended_at=later(1)))
        ended = jobs.advance(job.id, JobPhase.STAGING_OUT, JobPhase.COMPLETED, later(2))
        assert (ended.phase, ended.ended_at) == (JobPhase.COMPLETED, later(1))

    def test_text_that_no_database_can_hold_is_stored_with_question_marks(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        facts = JobFacts(ended_at=NOW, failure_reason="bad name \udcff", exit_message="\ud800!\0")
        ended = jobs.advance(job.id, JobPhase.PENDING, JobPhase.FAILED, NOW, facts)
        assert (ended.failure_reason, ended.exit_message) == ("bad name ?", "?!?")
        assert jobs.get(job.id) == ended

    @pytest.mark.parametrize("start", JobPhase)
    def test_moves_follow_the_table_of_transitions(self, jobs: JobStore, start: JobPhase) -> None:
        for to in JobPhase:
            job = move_to(jobs, add_job(jobs, f"to-{to}"), start)
            history = jobs.list_events(job.id)
            if to in TRANSITIONS[start]:
                assert jobs.advance(job.id, start, to, later(1), JobFacts(ended_at=later(1))).phase is to
            else:
                with pytest.raises(InternalBug):
                    jobs.advance(job.id, start, to, later(1), JobFacts(ended_at=later(1)))
                assert jobs.get(job.id) == job
                assert jobs.list_events(job.id) == history

    def test_job_in_another_phase_than_expected_is_stale_and_stays(self, jobs: JobStore) -> None:
        job = move_to(jobs, add_job(jobs), JobPhase.STOPPING)
        history = jobs.list_events(job.id)
        facts = JobFacts(exit_message="late", started_at=later(1))
        with pytest.raises(StaleJob):
            jobs.advance(job.id, JobPhase.RUNNING, JobPhase.STAGING_OUT, later(1), facts)
        assert jobs.get(job.id) == job
        assert jobs.list_events(job.id) == history

    def test_advance_touches_no_other_job(self, jobs: JobStore) -> None:
        job, other = add_job(jobs, "a"), add_job(jobs, "b")
        move_to(jobs, job, JobPhase.PULLING)
        assert jobs.get(other.id) == other

    @pytest.mark.parametrize("phase", TERMINAL)
    def test_terminal_phase_without_an_end_is_a_bug(self, jobs: JobStore, phase: JobPhase) -> None:
        job = move_to(jobs, add_job(jobs), JobPhase.STAGING_OUT)
        history = jobs.list_events(job.id)
        with pytest.raises(InternalBug):
            jobs.advance(job.id, JobPhase.STAGING_OUT, phase, later(1))
        assert jobs.get(job.id) == job
        assert jobs.list_events(job.id) == history

    def test_advance_of_an_unknown_job_is_not_found(self, jobs: JobStore) -> None:
        with pytest.raises(JobNotFound):
            jobs.advance(UNKNOWN, JobPhase.PENDING, JobPhase.PULLING, NOW)

    def test_of_concurrent_moves_exactly_one_wins(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        targets = [JobPhase.PULLING, JobPhase.STOPPING] * 4
        results = race([partial(jobs.advance, job.id, JobPhase.PENDING, to, later(1)) for to in targets])
        winners = [result for result in results if isinstance(result, ProcessingJob)]
        assert len(winners) == 1
        assert sum(isinstance(result, StaleJob) for result in results) == len(targets) - 1
        assert jobs.get(job.id) == winners[0]
        assert [event.detail for event in jobs.list_events(job.id)[1:]] == [{"from": "Pending", "to": winners[0].phase}]


class TestRequestStop:
    @pytest.mark.parametrize("phase", UNFINISHED)
    def test_stop_request_shows_as_stopping_at_once_and_leaves_the_phase(self, jobs: JobStore, phase: JobPhase) -> None:
        job = move_to(jobs, add_job(jobs), phase)
        stopping = jobs.request_stop(job.id, later(1))
        assert stopping == replace(job, stop_requested_at=later(1), modified_at=later(1))
        assert stopping.status is ProcessingJobStatus.STOPPING
        assert jobs.get(job.id) == stopping
        assert jobs.list_events(job.id)[-1] == JobEvent(at=later(1), action="stop_requested")

    def test_second_stop_request_is_refused_and_changes_nothing(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        stopping = jobs.request_stop(job.id, later(1))
        history = jobs.list_events(job.id)
        with pytest.raises(JobNotStoppable) as refused:
            jobs.request_stop(job.id, later(2))
        assert str(refused.value) == "The request was rejected because the processing job is in status Stopping."
        assert jobs.get(job.id) == stopping
        assert jobs.list_events(job.id) == history

    @pytest.mark.parametrize("phase", TERMINAL)
    def test_stop_request_for_an_ended_job_is_refused_with_its_status(self, jobs: JobStore, phase: JobPhase) -> None:
        job = move_to(jobs, add_job(jobs), phase)
        history = jobs.list_events(job.id)
        with pytest.raises(JobNotStoppable) as refused:
            jobs.request_stop(job.id, later(1))
        assert str(refused.value) == f"The request was rejected because the processing job is in status {job.status}."
        assert jobs.get(job.id) == job
        assert jobs.list_events(job.id) == history

    def test_stop_request_for_an_unknown_job_is_not_found(self, jobs: JobStore) -> None:
        with pytest.raises(JobNotFound):
            jobs.request_stop(UNKNOWN, NOW)

    def test_stop_request_is_kept_by_later_moves(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        jobs.request_stop(job.id, later(1))
        moved = jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, later(2))
        assert (moved.status, moved.stop_requested_at) == (ProcessingJobStatus.STOPPING, later(1))
        ended = jobs.advance(job.id, JobPhase.PULLING, JobPhase.STOPPED, later(3), JobFacts(ended_at=later(3)))
        assert (ended.status, ended.stop_requested_at) == (ProcessingJobStatus.STOPPED, later(1))

    def test_of_concurrent_stop_requests_exactly_one_is_recorded(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        results = race([partial(jobs.request_stop, job.id, later(1))] * 6)
        assert sum(isinstance(result, ProcessingJob) for result in results) == 1
        assert sum(isinstance(result, JobNotStoppable) for result in results) == 5
        assert [event.action for event in jobs.list_events(job.id)] == ["created", "stop_requested"]

    def test_concurrent_stop_request_and_move_are_both_stored(self, jobs: JobStore) -> None:
        for number in range(5):
            job = add_job(jobs, f"job-{number}")
            race(
                [
                    partial(jobs.request_stop, job.id, later(1)),
                    partial(jobs.advance, job.id, JobPhase.PENDING, JobPhase.PULLING, later(1)),
                ]
            )
            after = jobs.get(job.id)
            assert (after.phase, after.stop_requested_at) == (JobPhase.PULLING, later(1))


class TestHistory:
    def test_events_keep_their_order_whatever_their_times(self, jobs: JobStore) -> None:
        job, other = add_job(jobs, "a"), add_job(jobs, "b")
        detail = {"objects": 3, "seconds": 0.25, "path": "\udcff", "nested": [None, True, {"k": []}]}
        events = [
            JobEvent(at=later(3), action="staged_in", detail=detail),
            JobEvent(at=later(1), action="image_pulled"),
            JobEvent(at=later(2), action="image_pulled"),
        ]
        for event in events:
            jobs.add_event(job.id, event)
            jobs.add_event(other.id, JobEvent(at=NOW, action="other"))
        assert list(jobs.list_events(job.id))[1:] == events

    def test_event_leaves_the_job_as_it_is(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        jobs.add_event(job.id, JobEvent(at=later(9), action="image_pulled"))
        assert jobs.get(job.id) == job

    def test_event_of_an_unknown_job_is_not_found_and_not_kept(self, jobs: JobStore) -> None:
        with pytest.raises(JobNotFound):
            jobs.add_event(UNKNOWN, JobEvent(at=NOW, action="created"))
        assert list(jobs.list_events(UNKNOWN)) == []

    def test_the_same_event_goes_to_many_jobs_and_to_no_job_that_is_not_there(self, jobs: JobStore) -> None:
        first, second, third = add_job(jobs, "first"), add_job(jobs, "second"), add_job(jobs, "third")
        event = JobEvent(at=later(1), action="x", detail={"reason": "behind earlier jobs"})
        jobs.add_event_to_all([second.id, UNKNOWN, first.id], event)
        jobs.add_event_to_all([], event)
        for job in (first, second):
            assert list(jobs.list_events(job.id))[1:] == [event]
        assert len(jobs.list_events(third.id)) == 1
        assert list(jobs.list_events(UNKNOWN)) == []

    def test_events_written_at_once_are_all_kept(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        numbers = range(12)
        race(
            [partial(jobs.add_event, job.id, JobEvent(at=NOW, action="x", detail={"n": number})) for number in numbers]
        )
        assert sorted(event.detail["n"] for event in jobs.list_events(job.id)[1:]) == list(numbers)
