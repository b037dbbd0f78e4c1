"""The port suite of JobStore: the history of each job, and the feed of all events."""

import threading
from functools import partial

import pytest

from processing_emulator.domain.job import JobEvent, JobId
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.errors import JobNameInUse, JobNotFound
from processing_emulator.ports import FeedEvent, JobStore
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job, later, move_to, race
from tests.waiting import wait_for


def follow(jobs: JobStore, limit: int = 1000) -> list[tuple[str, str]]:
    """The feed from its beginning: job names and actions."""
    return [(each.key.name, each.event.action) for each in jobs.events_after(0, limit)]


class TestReportedAgain:
    def test_event_reported_again_is_stored_once(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        event = JobEvent(at=later(1), action="started", detail={"host": "algo-1", "n": [1, None]})
        jobs.add_event(job.id, event)
        jobs.add_event(job.id, event)
        assert jobs.list_events(job.id)[1:] == [event]

    def test_events_that_differ_in_anything_are_all_stored(self, jobs: JobStore) -> None:
        job, other = add_job(jobs, "a"), add_job(jobs, "b")
        events = [
            JobEvent(at=later(1), action="started", detail={"host": "algo-1"}),
            JobEvent(at=later(1), action="started", detail={"host": "algo-2"}),
            JobEvent(at=later(1), action="ended", detail={"host": "algo-1"}),
            JobEvent(at=later(2), action="started", detail={"host": "algo-1"}),
        ]
        for event in events:
            jobs.add_event(job.id, event)
        jobs.add_event(other.id, events[0])
        assert jobs.list_events(job.id)[1:] == events
        assert jobs.list_events(other.id)[1:] == events[:1]

    def test_event_of_no_job_is_refused(self, jobs: JobStore) -> None:
        with pytest.raises(JobNotFound):
            jobs.add_event(JobId(4711), JobEvent(at=NOW, action="started"))
        assert jobs.last_event_id() == 0


class TestFeed:
    def test_empty_store_has_no_events(self, jobs: JobStore) -> None:
        assert list(jobs.events_after(0, 10)) == []
        assert jobs.last_event_id() == 0

    def test_event_has_the_job_and_its_phase_and_status_at_that_time(self, jobs: JobStore) -> None:
        job = jobs.add(a_key("Job", account="111122223333"), a_request("Job"), {}, NOW)
        jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, later(1))
        jobs.request_stop(job.id, later(2))
        created, moved, stopped = jobs.events_after(0, 10)
        assert created == FeedEvent(
            id=created.id,
            job_id=job.id,
            key=job.key,
            phase=JobPhase.PENDING,
            status=ProcessingJobStatus.IN_PROGRESS,
            event=JobEvent(at=NOW, action="created"),
        )
        assert (moved.phase, moved.status) == (JobPhase.PULLING, ProcessingJobStatus.IN_PROGRESS)
        assert moved.event == JobEvent(at=later(1), action="phase_changed", detail={"from": "Pending", "to": "Pulling"})
        assert (stopped.phase, stopped.status) == (JobPhase.PULLING, ProcessingJobStatus.STOPPING)
        assert created.id < moved.id < stopped.id == jobs.last_event_id()

    def test_only_events_with_the_wanted_actions_are_read(self, jobs: JobStore) -> None:
        job = add_job(jobs)
        for second in range(3):
            jobs.add_event(job.id, JobEvent(at=later(second), action="progress"))
        move_to(jobs, job, JobPhase.PULLING)
        found = jobs.events_after(0, 2, ("phase_changed", "created"))
        assert [each.event.action for each in found] == ["created", "phase_changed"]
        assert list(jobs.events_after(found[0].id, 2, ())) == []

    def test_events_of_all_jobs_are_in_the_order_in_which_they_were_stored(self, jobs: JobStore) -> None:
        first, second = add_job(jobs, "a"), add_job(jobs, "b", at=later(-5))
        jobs.add_event_to_all([second.id, first.id, JobId(4711)], JobEvent(at=later(1), action="waiting"))
        move_to(jobs, second, JobPhase.PULLING)
        assert follow(jobs) == [
            ("a", "created"),
            ("b", "created"),
            ("a", "waiting"),
            ("b", "waiting"),
            ("b", "phase_changed"),
        ]

    def test_reader_continues_after_the_last_event_it_has_read(self, jobs: JobStore) -> None:
        for number in range(5):
            add_job(jobs, f"job-{number}")
        read: list[str] = []
        after = 0
        while events := jobs.events_after(after, 2):
            assert len(events) <= 2
            read += [each.key.name for each in events]
            after = events[-1].id
        assert read == [f"job-{number}" for number in range(5)]
        assert list(jobs.events_after(0, 0)) == []

    def test_deleted_job_ends_with_an_event(self, jobs: JobStore) -> None:
        job = move_to(jobs, add_job(jobs), JobPhase.STOPPED)
        jobs.delete(job.id, later(1))
        last = jobs.events_after(0, 100)[-1]
        assert (last.key, last.event.action, last.status) == (job.key, "deleted", ProcessingJobStatus.STOPPED)

    def test_refused_work_leaves_no_event(self, jobs: JobStore) -> None:
        add_job(jobs)
        with pytest.raises(JobNameInUse):
            add_job(jobs, "JOB")
        assert follow(jobs) == [("job", "created")]

    def test_ids_grow_across_a_reset(self, jobs: JobStore) -> None:
        add_job(jobs)
        last = jobs.last_event_id()
        jobs.clear()
        assert list(jobs.events_after(0, 10)) == []
        job = add_job(jobs)
        assert [each.job_id for each in jobs.events_after(last, 10)] == [job.id]


class TestConcurrentWriters:
    def test_reader_misses_no_event_of_concurrent_writers(self, jobs: JobStore) -> None:
        """A reader that always asks for events after the last id it has seen has all of them in the end."""
        writers, each_writes = 6, 15
        read: list[FeedEvent] = []
        done = threading.Event()

        def read_on() -> None:
            while True:
                is_last_round = done.is_set()
                while events := jobs.events_after(read[-1].id if read else 0, 7):
                    read.extend(events)
                if is_last_round:
                    return

        def write(writer: int) -> None:
            for number in range(each_writes):
                job = add_job(jobs, f"job-{writer}-{number}")
                jobs.advance(job.id, JobPhase.PENDING, JobPhase.PULLING, later(1))

        reader = threading.Thread(target=read_on)
        reader.start()
        results = race([partial(write, writer) for writer in range(writers)])
        done.set()
        reader.join()

        assert results == [None] * writers
        assert len(read) == len({each.id for each in read}) == writers * each_writes * 2
        assert read == list(jobs.events_after(0, 1000))


class TestWakeUp:
    def test_readers_are_woken_after_events_are_visible(self, jobs: JobStore) -> None:
        woken = threading.Event()
        stop = jobs.on_new_events(woken.set)
        for change in (
            lambda: add_job(jobs),
            lambda: jobs.advance(JobId(1), JobPhase.PENDING, JobPhase.PULLING, later(1)),
            lambda: jobs.add_event(JobId(1), JobEvent(at=NOW, action="started")),
            lambda: jobs.add_event_to_all([JobId(1)], JobEvent(at=NOW, action="waiting")),
            lambda: jobs.request_stop(JobId(1), later(2)),
        ):
            seen = jobs.last_event_id()
            change()
            assert woken.is_set()
            assert len(jobs.events_after(seen, 10)) == 1
            woken.clear()
        stop()
        add_job(jobs, "other")
        assert not woken.is_set()

    def test_one_of_several_readers_may_leave(self, jobs: JobStore) -> None:
        woken: list[str] = []
        stop = jobs.on_new_events(lambda: woken.append("first"))
        jobs.on_new_events(lambda: woken.append("second"))
        stop()
        stop()
        add_job(jobs)
        assert woken == ["second"]

    def test_waiting_reader_gets_an_event_stored_by_another_thread(self, jobs: JobStore) -> None:
        woken = threading.Event()
        jobs.on_new_events(woken.set)
        writer = threading.Thread(target=add_job, args=(jobs,))
        writer.start()
        wait_for("a wake-up", lambda: woken.is_set() or None)
        assert follow(jobs) == [("job", "created")]
        writer.join()
