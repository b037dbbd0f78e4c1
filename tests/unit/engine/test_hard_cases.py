"""Faults that only show after a crash, a lost answer or a bug of ours; each of them happened once."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.outcome import ContainerExit, Failure, FailureClass
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import ContainerNotStarted, ImageNotFound, RuntimeFailure, RuntimeUnavailable
from processing_emulator.ports import ContainerState
from tests.builders import a_key, an_output
from tests.fakes.runtime import FakeRuntime
from tests.unit.engine.engine_rig import EmulatorRun, Rig
from tests.waiting import wait_for

HOLD = {"FAKE_HOLD": "1"}
WRITES = {**HOLD, "FAKE_WRITE": "/opt/ml/processing/output/f=x"}


def _detach_while_running(rig: Rig, **changes: Any) -> ProcessingJob:
    emulator = rig.start_emulator()
    job = rig.add(**changes)
    rig.wait_for_phase(job, "Running")
    emulator.end()
    return job


def test_a_failure_stored_before_a_crash_is_kept(rig: Rig) -> None:
    job = _detach_while_running(rig, Environment=WRITES, outputs=[an_output()])
    record = rig.jobs.list_instances(job.id)[0]
    failure = Failure(kind=FailureClass.CLIENT, text="/opt/ml/output/message is not UTF-8")
    rig.jobs.save_instance(replace(record, exit=ContainerExit(code=0), failure=failure))
    rig.start_emulator()
    ended = rig.wait_for_end(job)
    assert (ended.status, ended.failure_reason) == ("Failed", failure.reason)
    assert rig.objects.keys("bkt") == []
    assert rig.leftovers() == []


def test_a_refused_start_stays_the_reason_after_a_crash_during_clean_up(rig: Rig) -> None:
    job = _detach_while_running(rig, Environment=HOLD)
    record = rig.jobs.list_instances(job.id)[0]
    failure = Failure(kind=FailureClass.ALGORITHM, text='exec: "/x": permission denied, exit code: 126')
    rig.jobs.save_instance(replace(record, failure=failure))
    rig.machine.remove(rig.machine.containers()[0].id)
    rig.start_emulator()
    assert rig.wait_for_end(job).failure_reason == failure.reason


def test_a_stopped_job_that_is_resumed_after_its_exit_uploads_nothing(rig: Rig) -> None:
    job = _detach_while_running(rig, Environment=WRITES, outputs=[an_output()])
    rig.jobs.save_instance(replace(rig.jobs.list_instances(job.id)[0], exit=ContainerExit(code=143)))
    rig.runs.clear()
    rig.request_stop(job)
    rig.start_emulator()
    assert rig.wait_for_end(job).status == "Stopped"
    assert rig.objects.keys("bkt") == []


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [(0, None), (255, "AlgorithmError: , exit code: 255"), (137, "AlgorithmError: , exit code: 137")],
)
def test_a_container_does_not_run_twice_if_the_answer_to_its_start_is_lost(
    rig: Rig, exit_code: int, reason: str | None
) -> None:
    class LosesAnswers(FakeRuntime):
        lost = False

        def start(self, container_id: str) -> None:
            super().start(container_id)
            if not self.lost:
                self.lost = True
                raise RuntimeUnavailable("the answer was lost")

    rig.start_emulator(runtime_class=LosesAnswers)
    job = rig.add(Environment={"FAKE_PRINT": "ran", "FAKE_EXIT_CODE": str(exit_code)})
    assert rig.wait_for_end(job).failure_reason == reason
    assert rig.lines(job) == [b"ran"]


def test_a_container_that_the_engine_could_not_start_is_replaced_in_a_fresh_folder(rig: Rig) -> None:
    class FailsOnce(FakeRuntime):
        tries = 0

        def start(self, container_id: str) -> None:
            self.tries += 1
            if self.tries == 1:
                (rig.folder / "1" / "algo-1" / "processing" / "output" / "half").write_text("of the first attempt")
                raise ContainerNotStarted("task already exists")
            super().start(container_id)

    emulator = rig.start_emulator(runtime_class=FailsOnce)
    job = rig.add(Environment={"FAKE_WRITE": "/opt/ml/processing/output/f=x"}, outputs=[an_output()])
    assert rig.wait_for_end(job).status == "Completed"
    assert len(emulator.runtime.specs) == 2
    assert list(rig.objects.keys("bkt")) == ["out/f"]
    assert [a for a in rig.actions(job) if a.startswith("container_")][:2] == [
        "container_not_started",
        "container_started",
    ]
    assert rig.leftovers() == []


def test_an_engine_that_cannot_start_any_container_is_named_and_not_the_user(rig: Rig) -> None:
    class NeverStarts(FakeRuntime):
        def start(self, container_id: str) -> None:
            raise ContainerNotStarted("task already exists")

    rig.start_emulator(runtime_class=NeverStarts, engine_patience_seconds=0.7)
    ended = rig.wait_for_end(rig.add())
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("InternalServerError: ")
    assert "task already exists" in ended.failure_reason
    assert rig.leftovers() == []


def test_an_image_that_is_removed_before_the_container_is_created_is_looked_up_again(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("create", ImageNotFound("API error (404): manifest for x not found"))
    assert rig.wait_for_end(rig.add()).status == "Completed"


def test_a_start_whose_answer_is_lost_is_repeated_with_another_container_when_the_engine_ended_it(rig: Rig) -> None:
    class EndsItOnce(FakeRuntime):
        ended = False

        def start(self, container_id: str) -> None:
            super().start(container_id)
            if not self.ended:
                self.ended = True
                self.machine.restart()
                raise RuntimeUnavailable("the engine was killed")

    rig.start_emulator(runtime_class=EndsItOnce)
    job = rig.add(Environment=HOLD)
    rig.wait_for_phase(job, "Running")
    rig.machine.release(rig.container(job))
    assert rig.wait_for_end(job).status == "Completed"


@pytest.mark.parametrize("restarts", [True, False])
def test_a_container_that_ends_with_the_engine_is_not_the_user_s_failure_but_one_that_ends_itself_is(
    rig: Rig, restarts: bool
) -> None:
    """The server loses the engine once; it was started again, or was only slow to answer."""

    class LosesOneWait(FakeRuntime):
        lost = False

        def wait(self, container_id: str) -> ContainerExit:
            if not self.lost:
                self.lost = True
                if restarts:
                    self.machine.restart()
                else:
                    self.machine.end(self.machine.get(container_id), ContainerExit(code=255))
                raise RuntimeUnavailable("no answer")
            return super().wait(container_id)

    rig.start_emulator(runtime_class=LosesOneWait)
    job = rig.add(Environment=HOLD)
    by_engine = (
        "InternalServerError: We encountered an internal error.  Please try again. "
        "(the Docker engine stopped, or was told to end the job's container, exit code: 255)"
    )
    assert rig.wait_for_end(job).failure_reason == (by_engine if restarts else "AlgorithmError: , exit code: 255")


def test_a_stored_request_that_cannot_be_read_ends_that_job_alone(rig: Rig) -> None:
    now = rig.clock.now()
    poison = rig.jobs.add(a_key("poison"), {"AppSpecification": {}}, {}, now)
    rig.start_emulator()
    job = rig.add()
    assert rig.wait_for_end(job).status == "Completed"
    ended = rig.wait_for_end(poison)
    assert ended.failure_reason is not None
    assert "the stored request cannot be read" in ended.failure_reason


def test_a_bug_in_a_job_s_supervision_ends_that_job_and_gives_its_capacity_back(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.backend.bugs.append(RuntimeError("can't start new thread"))
    broken = rig.add("broken")
    after = rig.add("after")
    ended = rig.wait_for_end(broken)
    assert ended.failure_reason is not None
    assert "RuntimeError in the emulator: can't start new thread" in ended.failure_reason
    assert rig.wait_for_end(after).status == "Completed"


def test_detaching_does_not_wait_for_a_log_that_cannot_be_stored(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = rig.add(Environment=HOLD)
    rig.wait_for_phase(job, "Running")
    rig.jobs.go_down()
    rig.machine.print_line(rig.container(job), b"unstored")
    rig.machine.release(rig.container(job))
    _ends_within(emulator, 10)
    rig.jobs.come_back()
    rig.start_emulator()
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.lines(job) == [b"unstored"]


def _ends_within(emulator: EmulatorRun, seconds: float) -> None:
    ending = threading.Thread(target=emulator.end, daemon=True)
    ending.start()
    ending.join(seconds)
    assert not ending.is_alive()


def test_a_log_that_the_engine_does_not_give_is_marked_incomplete(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("stream_logs", RuntimeFailure("dead or marked for removal"))
    job = rig.add(Environment={"FAKE_PRINT": "lost"})
    assert rig.wait_for_end(job).status == "Completed"
    assert "log_incomplete" in rig.actions(job)


def test_sparse_outputs_that_are_larger_than_the_volume_together_are_not_uploaded(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = rig.add(Environment=HOLD, outputs=[an_output()])
    rig.wait_for_phase(job, "Running")
    for name in ("one", "two"):
        with (rig.folder / str(job.id) / "algo-1" / "processing" / "output" / name).open("wb") as file:
            file.truncate(700 << 20)
    rig.machine.release(rig.container(job))
    ended = rig.wait_for_end(job)
    assert ended.failure_reason == (
        "ClientError: Artifact upload failed:Insufficient disk space (outputs have 1.37 GiB, VolumeSizeInGB is 1)"
    )
    wait_for("the supervisor to end", lambda: emulator.scheduler.count_running() == 0)


def test_a_crash_between_the_starts_of_two_hosts_does_not_keep_the_second_waiting(rig: Rig) -> None:
    class StartsFirstHostOnly(FakeRuntime):
        def start(self, container_id: str) -> None:
            if self.machine.get(container_id).spec.hostname == "algo-2":
                raise RuntimeUnavailable("the answer never comes")
            super().start(container_id)

    rig.host = type(rig.host)(vcpus=8.0)
    first = rig.start_emulator(runtime_class=StartsFirstHostOnly, engine_patience_seconds=60.0)
    cluster = {"InstanceCount": 2, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
    job = rig.add(ProcessingResources={"ClusterConfig": cluster}, Environment=HOLD)
    rig.machine.await_state(rig.container(job), ContainerState.RUNNING)
    rig.machine.await_state(rig.container(job, "algo-2"), ContainerState.CREATED)
    first.end()
    rig.start_emulator()
    rig.machine.await_state(rig.container(job, "algo-2"), ContainerState.RUNNING)
    for host in ("algo-1", "algo-2"):
        rig.machine.release(rig.container(job, host))
    assert rig.wait_for_end(job).status == "Completed"


def test_an_engine_that_is_away_ends_waiting_jobs_only(rig: Rig) -> None:
    rig.start_emulator(engine_patience_seconds=0.5)
    running = rig.add("running", Environment=HOLD)
    rig.wait_for_phase(running, "Running")
    host, rig.host.host = rig.host.host, None
    waiting = rig.add("waiting")
    ended = rig.wait_for_end(waiting)
    assert ended.status == "Failed"
    assert rig.job(running).phase is JobPhase.RUNNING
    rig.host.host = host
    rig.machine.release(rig.container(running))
    assert rig.wait_for_end(running).status == "Completed"


def test_a_stopped_job_ends_though_the_answer_to_the_wait_is_lost(rig: Rig) -> None:
    found = threading.Event()

    class LosesWaits(FakeRuntime):
        def wait(self, container_id: str) -> ContainerExit:
            found.wait()
            return super().wait(container_id)

    rig.start_emulator(runtime_class=LosesWaits)
    job = rig.add(Environment={**HOLD, "FAKE_IGNORE_SIGTERM": "1"})
    rig.wait_for_phase(job, "Running")
    rig.request_stop(job)
    try:
        assert rig.wait_for_end(job).status == "Stopped"
    finally:
        found.set()
