"""Jobs that wait: in order, told once, and cheap however many there are."""

from collections.abc import Sequence

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from processing_emulator.engine.admission_queue import WaitingLine

from tests.fakes.container_script import HOLD
from tests.unit.engine.rig import Rig
from tests.waiting import wait_for

HOLDS = {HOLD: "1"}
CLOCK = SystemClock()


def ids(*numbers: int) -> list[JobId]:
    return [JobId(number) for number in numbers]


def a_line(*numbers: int) -> WaitingLine:
    line = WaitingLine()
    for number in numbers:
        line.add(JobId(number))
    return line


def reasons(rig: Rig, job: ProcessingJob) -> list[str]:
    return [event.detail["reason"] for event in rig.jobs.list_events(job.id) if event.action == "waiting"]


def wait_until_told(rig: Rig, jobs: Sequence[ProcessingJob]) -> None:
    wait_for("all to be told that they wait", lambda: all(reasons(rig, job) for job in jobs) or None, 10)


def block(rig: Rig) -> ProcessingJob:
    """A job that holds the machine until it is stopped."""
    blocker = rig.add("blocker", Environment=HOLDS)
    rig.wait_for_phase(blocker, "Running")
    return blocker


def test_the_line_is_in_the_order_of_storing_whatever_the_order_of_arrival() -> None:
    line = a_line(3, 1, 2, 1)
    assert list(line) == ids(1, 2, 3)
    assert line.first() == 1
    assert line.news() == ids(1, 2, 3)


def test_who_leaves_is_passed_over_wherever_it_stood() -> None:
    line = a_line(1, 2, 3)
    line.remove(JobId(2))
    line.remove(JobId(1))
    assert line.first() == 3
    line.remove(JobId(3))
    assert line.first() is None
    line.add(JobId(2))
    assert line.first() == 2


def test_news_is_told_once() -> None:
    line = a_line(1, 2)
    line.told(ids(1, 2))
    line.add(JobId(1))
    line.add(JobId(3))
    assert line.news() == ids(3)
    line.clear()
    assert line.news() == []
    assert line.first() is None


def test_jobs_without_room_say_what_they_wait_for_once_and_run_in_order(rig: Rig) -> None:
    rig.life()
    blocker = block(rig)
    waiting = [rig.add(f"waiting-{number}") for number in range(5)]
    wait_until_told(rig, waiting)
    rig.machine.release(rig.container(blocker))
    ends = [rig.wait_for_end(job) for job in waiting]
    starts = [job.started_at for job in ends if job.started_at is not None]
    assert len(starts) == 5
    assert starts == sorted(starts)
    assert [len(reasons(rig, job)) for job in waiting] == [1] * 5
    assert [reasons(rig, job) == ["behind earlier jobs"] for job in waiting] == [False, True, True, True, True]


def test_new_jobs_do_not_ask_again_for_room_that_nobody_made(rig: Rig) -> None:
    life = rig.life()
    block(rig)
    wait_until_told(rig, [rig.add("first")])
    rig.host.looks = 0
    for number in range(3):
        wait_until_told(rig, [rig.add(f"later-{number}")])
    assert rig.host.looks == 0
    assert life.scheduler.count_running() == 1


def test_a_waiting_job_that_is_stopped_ends_at_once_and_the_others_go_on(rig: Rig) -> None:
    rig.life()
    blocker = block(rig)
    first, second, third = (rig.add(name) for name in ("first", "second", "third"))
    wait_until_told(rig, [first, second, third])
    for job in (second, first):
        rig.wish_stop(job)
        assert rig.wait_for_end(job).started_at is None
    assert rig.job(third).phase is JobPhase.PENDING
    rig.machine.release(rig.container(blocker))
    assert rig.wait_for_end(third).phase is JobPhase.COMPLETED


def test_waiting_jobs_of_an_earlier_life_keep_their_places(rig: Rig) -> None:
    life = rig.life()
    blocker = block(rig)
    waiting = [rig.add(f"waiting-{number}") for number in range(3)]
    life.end()
    rig.lives.clear()
    rig.jobs.request_stop(waiting[1].id, CLOCK.now())
    rig.life()
    newcomer = rig.add("newcomer")
    rig.machine.release(rig.container(blocker))
    ends = [rig.wait_for_end(job) for job in (*waiting, newcomer)]
    assert [job.phase for job in ends] == ["Completed", "Stopped", "Completed", "Completed"]
    starts = [job.started_at for job in ends if job.started_at is not None]
    assert starts == sorted(starts)


def test_a_job_that_was_forgotten_holds_nobody_up(rig: Rig) -> None:
    life = rig.life()
    life.scheduler.jobs_added([JobId(4711)])
    life.scheduler.stop_requested(JobId(4712))
    assert rig.wait_for_end(rig.add()).phase is JobPhase.COMPLETED
