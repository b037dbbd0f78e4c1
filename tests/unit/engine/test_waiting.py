"""Jobs that wait for capacity: in order, announced once, and cheap however many there are."""

import random
from collections import Counter
from collections.abc import Sequence

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.domain.instance_types import GIB
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from processing_emulator.engine.admission_queue import AdmissionQueue
from tests.fakes.container_script import HOLD, IGNORE_SIGTERM
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore
from tests.fakes.probes import FakeHostProbe
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

HOLDS = {HOLD: "1"}
CLOCK = SystemClock()


def ids(*numbers: int) -> list[JobId]:
    return [JobId(number) for number in numbers]


def a_queue(*numbers: int) -> AdmissionQueue:
    queue = AdmissionQueue()
    for number in numbers:
        queue.add(JobId(number))
    return queue


def reasons(rig: Rig, job: ProcessingJob) -> list[str]:
    return [event.detail["reason"] for event in rig.jobs.list_events(job.id) if event.action == "waiting"]


def wait_until_announced(rig: Rig, jobs: Sequence[ProcessingJob]) -> None:
    wait_for("every job's waiting event", lambda: all(reasons(rig, job) for job in jobs) or None, 10)


def block(rig: Rig) -> ProcessingJob:
    """A job that holds the machine until it is stopped."""
    blocker = rig.add("blocker", Environment=HOLDS)
    rig.wait_for_phase(blocker, "Running")
    return blocker


def test_the_queue_is_in_the_order_of_storing_not_of_arrival() -> None:
    queue = a_queue(3, 1, 2, 1)
    assert list(queue) == ids(1, 2, 3)
    assert queue.first() == 1
    assert queue.unannounced() == ids(1, 2, 3)


def test_a_removed_job_is_skipped_wherever_it_stood() -> None:
    queue = a_queue(1, 2, 3)
    queue.remove(JobId(2))
    queue.remove(JobId(1))
    assert queue.first() == 3
    queue.remove(JobId(3))
    assert queue.first() is None
    queue.add(JobId(2))
    assert queue.first() == 2


def test_a_job_is_announced_once() -> None:
    queue = a_queue(1, 2)
    queue.mark_announced(ids(1, 2))
    queue.add(JobId(1))
    queue.add(JobId(3))
    assert queue.unannounced() == ids(3)
    queue.clear()
    assert queue.unannounced() == []
    assert queue.first() is None


def test_jobs_without_room_have_one_waiting_event_each_and_run_in_order(rig: Rig) -> None:
    rig.start_emulator()
    blocker = block(rig)
    waiting = [rig.add(f"waiting-{number}") for number in range(5)]
    wait_until_announced(rig, waiting)
    rig.machine.release(rig.container(blocker))
    ends = [rig.wait_for_end(job) for job in waiting]
    starts = [job.started_at for job in ends if job.started_at is not None]
    assert len(starts) == 5
    assert starts == sorted(starts)
    assert [len(reasons(rig, job)) for job in waiting] == [1] * 5
    assert [reasons(rig, job) == ["behind earlier jobs"] for job in waiting] == [False, True, True, True, True]


def test_new_jobs_do_not_retry_the_first_while_no_capacity_is_given_back(rig: Rig) -> None:
    emulator = rig.start_emulator()
    block(rig)
    wait_until_announced(rig, [rig.add("first")])
    rig.host.looks = 0
    for number in range(3):
        wait_until_announced(rig, [rig.add(f"later-{number}")])
    assert rig.host.looks == 0
    assert emulator.scheduler.count_running() == 1


class CountingStore(MemoryJobStore):
    """Counts how often a job is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[JobId] = Counter()

    def get(self, job_id: JobId) -> ProcessingJob:
        self.reads[job_id] += 1
        return super().get(job_id)


def test_jobs_behind_one_that_asks_for_the_same_are_not_read_again(rig: Rig) -> None:
    store = CountingStore()
    rig.jobs, rig.logs, rig.metrics = store, MemoryLogStore(store), MemoryMetricStore(store)
    rig.start_emulator()
    blocker = block(rig)
    waiting = [rig.add(f"waiting-{number}", Environment=HOLDS) for number in range(4)]
    wait_until_announced(rig, waiting)
    store.reads.clear()
    for number in range(3):
        wait_until_announced(rig, [rig.add(f"later-{number}")])
    assert [store.reads[job.id] for job in waiting] == [0, 0, 0, 0]
    rig.machine.release(rig.container(blocker))
    rig.wait_for_phase(waiting[0], "Running")
    wait_for("the next to be tried", lambda: store.reads[waiting[1].id])
    assert [store.reads[job.id] for job in waiting[2:]] == [0, 0]


VCPUS = {"ml.t3.medium": 2, "ml.m5.xlarge": 4, "ml.m5.2xlarge": 8}


def test_thirty_jobs_of_mixed_sizes_start_in_order_and_never_exceed_the_capacity(rig: Rig) -> None:
    """Each runs until the test ends it. One needs more than half of the machine; one is stopped and ignores SIGTERM."""
    rig.host = FakeHostProbe(vcpus=12.0, memory_bytes=48 * GIB)
    emulator = rig.start_emulator(passing_seconds=0.0)
    dice = random.Random(30)
    kinds = dice.choices(["ml.t3.medium", "ml.m5.xlarge"], k=30)
    kinds[4] = "ml.m5.2xlarge"
    waiting = [
        rig.add(f"job-{number}", instance_type=kind, Environment={**HOLDS, IGNORE_SIGTERM: "1"})
        for number, kind in enumerate(kinds)
    ]
    stubborn = waiting[6]
    size = {job.id: VCPUS[kind] for job, kind in zip(waiting, kinds, strict=True)}
    running: list[ProcessingJob] = []
    while waiting or running:
        while waiting and sum(size[job.id] for job in (*running, waiting[0])) <= 12:
            running.append(waiting.pop(0))
            rig.wait_for_phase(running[-1], "Running")
        assert sum(limits.reserved_vcpus for limits in emulator.backend.held()) == sum(size[job.id] for job in running)
        assert {rig.job(job).phase for job in waiting} <= {JobPhase.PENDING}
        ending = running.pop(dice.randrange(len(running)))
        if ending is stubborn:
            rig.request_stop(ending)
        else:
            rig.machine.release(rig.container(ending))
        assert rig.wait_for_end(ending).phase is (JobPhase.STOPPED if ending is stubborn else JobPhase.COMPLETED)
    assert rig.leftovers() == []


def test_stopping_a_waiting_job_ends_it_at_once_and_leaves_the_others_waiting(rig: Rig) -> None:
    rig.start_emulator()
    blocker = block(rig)
    first, second, third = (rig.add(name) for name in ("first", "second", "third"))
    wait_until_announced(rig, [first, second, third])
    for job in (second, first):
        rig.request_stop(job)
        assert rig.wait_for_end(job).started_at is None
    assert rig.job(third).phase is JobPhase.PENDING
    rig.machine.release(rig.container(blocker))
    assert rig.wait_for_end(third).phase is JobPhase.COMPLETED


def test_waiting_jobs_keep_their_places_across_a_restart(rig: Rig) -> None:
    emulator = rig.start_emulator()
    blocker = block(rig)
    waiting = [rig.add(f"waiting-{number}") for number in range(3)]
    emulator.end()
    rig.runs.clear()
    rig.jobs.request_stop(waiting[1].id, CLOCK.now())
    rig.start_emulator()
    newcomer = rig.add("newcomer")
    rig.machine.release(rig.container(blocker))
    ends = [rig.wait_for_end(job) for job in (*waiting, newcomer)]
    assert [job.phase for job in ends] == ["Completed", "Stopped", "Completed", "Completed"]
    starts = [job.started_at for job in ends if job.started_at is not None]
    assert starts == sorted(starts)


def test_a_job_that_a_reset_removed_does_not_block_the_queue(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.scheduler.jobs_added([JobId(4711)])
    emulator.scheduler.stop_requested(JobId(4712))
    assert rig.wait_for_end(rig.add()).phase is JobPhase.COMPLETED


def test_what_a_job_waits_for_can_be_asked_while_it_waits(rig: Rig) -> None:
    emulator = rig.start_emulator()
    blocker = block(rig)
    first, second = rig.add("first"), rig.add("second")
    wait_until_announced(rig, [first, second])
    shortage = "vCPU: 2 wanted, 0 free"
    assert emulator.scheduler.waiting_reason(first.id) == shortage
    assert emulator.scheduler.waiting_reason(second.id) == f"behind earlier jobs (the first needs {shortage})"
    rig.request_stop(first)
    wait_for("second to be first", lambda: emulator.scheduler.waiting_reason(second.id) == shortage)
    rig.machine.release(rig.container(blocker))
    rig.wait_for_end(second)
    assert emulator.scheduler.waiting_reason(second.id) is None


def test_jobs_that_wait_for_the_engine_say_so(rig: Rig) -> None:
    emulator = rig.start_emulator()
    host, rig.host.host = rig.host.host, None
    job = rig.add()
    reason = wait_for("the reason", lambda: emulator.scheduler.waiting_reason(job.id))
    assert reason == "No Docker engine answers: it was taken away by the test"
    rig.host.host = host
    assert rig.wait_for_end(job).phase is JobPhase.COMPLETED
    assert emulator.scheduler.waiting_reason(job.id) is None
