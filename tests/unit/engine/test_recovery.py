"""Stops, time limits, an engine that goes away, and restarts at any point: nothing is lost, nothing is left behind."""

from dataclasses import replace

import pytest

from processing_emulator.domain.job import JobFacts, JobId, LogCursor
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.domain.phase import JobPhase
from processing_emulator.engine.instance import LABEL_JOB_ID
from processing_emulator.errors import JobNotStoppable, RuntimeUnavailable
from processing_emulator.ports import ContainerState
from tests.builders import a_key, an_input, an_output
from tests.fakes.container_script import FakeRun, mounted
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

HOLD = {"FAKE_HOLD": "1"}
ENDED_BY_ENGINE = (
    "InternalServerError: We encountered an internal error.  Please try again. "
    "(the Docker engine stopped, or was told to end the job's container, exit code: "
)


# --- stops ---


def test_a_stop_while_running_signals_and_ends_stopped_without_upload(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = rig.add(Environment={**HOLD, "FAKE_WRITE": "/opt/ml/processing/output/f=x"}, outputs=[an_output()])
    rig.wait_for_phase(job, "Running")
    rig.request_stop(job)
    assert rig.job(job).status in {"Stopping", "Stopped"}
    ended = rig.wait_for_end(job)
    assert (ended.status, ended.failure_reason) == ("Stopped", None)
    assert emulator.runtime.signals == [(rig.container(job), "SIGTERM")]
    assert list(rig.objects.keys("bkt")) == []
    assert rig.leftovers() == []
    with pytest.raises(JobNotStoppable):
        rig.request_stop(job)


def test_outputs_of_a_stopped_job_are_uploaded_if_the_setting_says_so(rig: Rig) -> None:
    rig.start_emulator(upload_when_stopped=True)
    job = rig.add(Environment={**HOLD, "FAKE_WRITE": "/opt/ml/processing/output/f=x"}, outputs=[an_output()])
    rig.wait_for_phase(job, "Running")
    rig.request_stop(job)
    assert rig.wait_for_end(job).status == "Stopped"
    assert rig.objects.get("bkt", "out/f") == b"x"


def test_a_container_that_ignores_the_signal_is_killed_after_its_grace(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = rig.add(Environment={**HOLD, "FAKE_IGNORE_SIGTERM": "1"})
    rig.wait_for_phase(job, "Running")
    rig.request_stop(job)
    assert rig.wait_for_end(job).status == "Stopped"
    assert [signal for _, signal in emulator.runtime.signals] == ["SIGTERM", "SIGKILL"]


def test_a_container_without_a_handler_for_the_signal_is_not_given_the_full_grace(rig: Rig) -> None:
    emulator = rig.start_emulator(stop_grace_seconds=600.0, unhandled_grace_seconds=0.2)
    job = rig.add(Environment={**HOLD, "FAKE_NO_HANDLER": "1"})
    rig.wait_for_phase(job, "Running")
    rig.request_stop(job)
    assert rig.wait_for_end(job).status == "Stopped"
    assert [signal for _, signal in emulator.runtime.signals] == ["SIGTERM", "SIGKILL"]
    (signalled,) = [event for event in rig.jobs.list_events(job.id) if event.action == "container_signalled"]
    assert signalled.detail["grace_seconds"] == 0.2


def test_jobs_that_wait_behind_one_that_is_stopping_say_so(rig: Rig) -> None:
    emulator = rig.start_emulator(stop_grace_seconds=600.0)
    slow = rig.add("slow", Environment={**HOLD, "FAKE_IGNORE_SIGTERM": "1"})
    rig.wait_for_phase(slow, "Running")
    waiting = rig.add("waiting")
    rig.request_stop(slow)

    def reason() -> str:
        return emulator.scheduler.waiting_reason(waiting.id) or ""

    wait_for("the reason", lambda: "; slow has been stopping for 0 s" in reason())
    rig.machine.release(rig.container(slow))
    assert rig.wait_for_end(waiting).status == "Completed"


def test_a_stop_while_pulling_ends_stopped_and_starts_nothing(rig: Rig) -> None:
    rig.machine.images, rig.machine.registry = set(), {"i:1"}
    emulator = rig.start_emulator()
    with rig.machine.pulls_held():
        job = rig.add(image="i:1")
        wait_for("the pull", lambda: emulator.runtime.pulls or None)
        rig.request_stop(job)
        assert rig.wait_for_end(job).status == "Stopped"
    assert emulator.runtime.specs == []


def test_a_stop_before_admission_ends_stopped_without_a_start(rig: Rig) -> None:
    rig.start_emulator()
    first = rig.add("first", Environment=HOLD)
    rig.wait_for_phase(first, "Running")
    second = rig.add("second")
    wait_for("second to wait", lambda: "waiting" in rig.actions(second) or None)
    rig.request_stop(second)
    ended = rig.wait_for_end(second)
    assert (ended.status, ended.started_at) == ("Stopped", None)
    assert rig.job(first).phase is JobPhase.RUNNING


def test_the_time_limit_ends_stopped_and_is_no_failure(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.add(Environment=HOLD, StoppingCondition={"MaxRuntimeInSeconds": 1})
    ended = rig.wait_for_end(job)
    assert (ended.status, ended.failure_reason, ended.stop_requested_at) == ("Stopped", None, None)
    assert "stopping" in rig.actions(job)


# --- order and capacity ---


@pytest.mark.parametrize("passing_seconds", [60.0, 0.0])
def test_a_small_job_passes_a_large_one_without_room_only_for_a_while(rig: Rig, passing_seconds: float) -> None:
    rig.host = type(rig.host)(vcpus=4.0)
    emulator = rig.start_emulator(passing_seconds=passing_seconds)
    first = rig.add("first", Environment=HOLD)  # 2 of 4 vCPU
    rig.wait_for_phase(first, "Running")
    large = rig.add("large", instance_type="ml.m5.xlarge")  # wants 4
    wait_for("large to wait", lambda: emulator.scheduler.waiting_reason(large.id))
    small = rig.add("small", Environment=HOLD)  # fits beside the first
    if passing_seconds:
        rig.wait_for_phase(small, "Running")
        rig.machine.release(rig.container(small))
        rig.wait_for_end(small)
    else:
        wait_for("small to wait", lambda: "waiting" in rig.actions(small) or None)
    assert rig.job(large).phase is JobPhase.PENDING
    rig.machine.release(rig.container(first))
    assert rig.wait_for_end(large).status == "Completed"
    if not passing_seconds:
        rig.wait_for_phase(small, "Running")
        rig.machine.release(rig.container(small))
    assert rig.wait_for_end(small).status == "Completed"


def test_a_gpu_job_on_a_host_without_gpus_fails_and_later_jobs_run(rig: Rig) -> None:
    rig.start_emulator()
    gpu, plain = rig.add("gpu", instance_type="ml.g5.xlarge"), rig.add("plain")
    ended = rig.wait_for_end(gpu)
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("CapacityError: Unable to provision requested ML compute capacity.")
    assert "needs 1 GPU; this host has 0" in ended.failure_reason
    assert rig.wait_for_end(plain).status == "Completed"


# --- the engine goes away ---


def test_a_job_waits_for_an_unavailable_engine_and_then_runs(rig: Rig) -> None:
    host, rig.host.host = rig.host.host, None
    rig.start_emulator(engine_patience_seconds=60.0)
    job = rig.add()
    rig.host.host = host
    assert rig.wait_for_end(job).status == "Completed"


def test_a_job_whose_engine_stays_unavailable_fails_with_a_remedy_in_its_reason(rig: Rig) -> None:
    rig.host.host = None
    rig.start_emulator(engine_patience_seconds=0.0)
    ended = rig.wait_for_end(rig.add())
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("InternalServerError: ")
    assert "No Docker engine answers" in ended.failure_reason


def test_a_running_job_survives_an_outage_of_the_engine(rig: Rig) -> None:
    emulator = rig.start_emulator(engine_patience_seconds=60.0)
    job = rig.add(Environment={**HOLD, "FAKE_PRINT": "before"})
    wait_for("the first line", lambda: rig.lines(job) or None)
    emulator.runtime.lose_engine()
    rig.machine.print_line(rig.container(job), b"meanwhile")
    rig.machine.release(rig.container(job))
    emulator.runtime.restore_engine()
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.lines(job) == [b"before", b"meanwhile"]
    assert rig.leftovers() == []


@pytest.mark.parametrize(
    ("exit_code", "restarts", "reason"),
    [
        (255, True, f"{ENDED_BY_ENGINE}255)"),
        (3, True, f"{ENDED_BY_ENGINE}3)"),
        (255, False, "AlgorithmError: , exit code: 255"),
        (3, False, "AlgorithmError: , exit code: 3"),
    ],
)
def test_a_job_that_a_restart_of_the_engine_ended_is_not_the_user_s_fault(
    rig: Rig, exit_code: int, restarts: bool, reason: str
) -> None:
    """The engine reports 255 for containers without a process, as for a program that ends with sys.exit(-1).

    A program that handles the engine's stop signal ends with a code of its own.
    """
    first = rig.start_emulator()
    job = rig.add(Environment=HOLD, outputs=[an_output()])
    rig.wait_for_phase(job, "Running")
    first.end()
    if restarts:
        rig.machine.restart(exit_code)
    else:
        rig.machine.release(rig.container(job), exit_code)
    rig.start_emulator()
    assert rig.wait_for_end(job).failure_reason == reason
    assert rig.leftovers() == []


def test_create_is_retried_while_the_engine_is_briefly_unavailable(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("create", RuntimeUnavailable("away"), RuntimeUnavailable("away"))
    assert rig.wait_for_end(rig.add()).status == "Completed"


# --- restarts ---


def test_a_running_job_is_resumed_after_a_restart_with_every_log_line_once(rig: Rig) -> None:
    first = rig.start_emulator()
    job = rig.add(Environment={**HOLD, "FAKE_PRINT": "1\n2\n3"}, outputs=[an_output()])
    wait_for("three lines", lambda: len(rig.lines(job)) == 3 or None)
    first.end()
    assert rig.machine.names() == [rig.container(job)]
    assert rig.job(job).phase is JobPhase.RUNNING
    rig.machine.print_line(rig.container(job), b"4")
    rig.start_emulator()
    rig.machine.print_line(rig.container(job), b"5")
    rig.machine.release(rig.container(job))
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.lines(job) == [b"1", b"2", b"3", b"4", b"5"]
    assert rig.phases(job) == ["Pulling", "StagingIn", "Starting", "Running", "StagingOut", "Completed"]
    assert rig.leftovers() == []


def test_a_job_detached_during_its_pull_starts_again(rig: Rig) -> None:
    rig.machine.images, rig.machine.registry = set(), {"i:1"}
    first = rig.start_emulator()
    with rig.machine.pulls_held():
        job = rig.add(image="i:1")
        wait_for("the pull", lambda: first.runtime.pulls or None)
        first.end()
    assert rig.job(job).phase is JobPhase.PULLING
    rig.start_emulator()
    assert rig.wait_for_end(job).status == "Completed"


def test_a_created_container_that_never_started_is_started(rig: Rig) -> None:
    rig.objects.put("bkt", "in/x", b"x")
    seen: list[bytes] = []
    rig.script = lambda spec: FakeRun(
        work=lambda spec: seen.append(mounted(spec, "/opt/ml/processing/input/x").read_bytes())
    )
    first = rig.start_emulator(engine_patience_seconds=60.0)
    first.runtime.fail("start", *[RuntimeUnavailable("away")] * 1000)
    job = rig.add(inputs=[an_input()])
    wait_for("the container", lambda: rig.machine.names() or None)
    first.end()
    rig.start_emulator()
    assert rig.wait_for_end(job).status == "Completed"
    assert seen == [b"x"]


def test_an_exit_stored_before_a_restart_is_not_asked_for_again(rig: Rig) -> None:
    """The container may be gone by then: it is removed while outputs are uploaded."""
    first = rig.start_emulator()
    job = rig.add(Environment={**HOLD, "FAKE_WRITE": "/opt/ml/processing/output/f=x"}, outputs=[an_output()])
    rig.wait_for_phase(job, "Running")
    first.end()
    record = rig.jobs.list_instances(job.id)[0]
    rig.jobs.save_instance(replace(record, exit=ContainerExit(code=0)))
    rig.machine.remove(rig.machine.containers()[0].id)
    rig.start_emulator()
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.objects.get("bkt", "out/f") == b"x"


def test_a_container_removed_between_two_runs_fails_the_job_with_a_reason(rig: Rig) -> None:
    first = rig.start_emulator()
    job = rig.add(Environment=HOLD)
    rig.wait_for_phase(job, "Running")
    first.end()
    rig.machine.remove(rig.machine.containers()[0].id)
    rig.start_emulator()
    ended = rig.wait_for_end(job)
    assert ended.failure_reason is not None
    assert "the job's container is gone" in ended.failure_reason
    assert rig.leftovers() == []


def test_a_stop_requested_between_two_runs_is_carried_out(rig: Rig) -> None:
    first = rig.start_emulator()
    job = rig.add(Environment=HOLD)
    rig.wait_for_phase(job, "Running")
    first.end()
    rig.runs.clear()
    rig.request_stop(job)
    second = rig.start_emulator()
    assert rig.wait_for_end(job).status == "Stopped"
    assert [signal for _, signal in second.runtime.signals] == ["SIGTERM"]


def test_the_time_limit_counts_across_restarts(rig: Rig) -> None:
    first = rig.start_emulator()
    job = rig.add(Environment=HOLD, StoppingCondition={"MaxRuntimeInSeconds": 1})
    rig.wait_for_phase(job, "Running")
    first.end()
    rig.start_emulator()
    assert rig.wait_for_end(job).status == "Stopped"


def test_capacity_is_still_held_after_a_restart(rig: Rig) -> None:
    first = rig.start_emulator()
    running = rig.add("running", Environment=HOLD)
    rig.wait_for_phase(running, "Running")
    waiting = rig.add("waiting")
    first.end()
    rig.start_emulator()
    wait_for("the job to be taken up", lambda: "taken_up" in rig.actions(running) or None)
    wait_for("the other to wait", lambda: "waiting" in rig.actions(waiting) or None)
    assert rig.job(waiting).phase is JobPhase.PENDING
    rig.machine.release(rig.container(running))
    assert rig.wait_for_end(waiting).status == "Completed"


def test_an_outage_of_the_database_loses_nothing(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.add(Environment={**HOLD, "FAKE_PRINT": "a"})
    rig.wait_for_phase(job, "Running")
    rig.jobs.go_down()
    rig.machine.print_line(rig.container(job), b"b")
    rig.machine.release(rig.container(job), 4)
    rig.jobs.come_back()
    ended = rig.wait_for_end(job)
    assert ended.failure_reason == "AlgorithmError: , exit code: 4"
    assert rig.lines(job) == [b"a", b"b"]


# --- leftovers ---


def test_the_reaper_removes_what_belongs_to_no_unfinished_job_and_nothing_else(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = rig.add(Environment=HOLD)
    rig.wait_for_phase(job, "Running")
    done = rig.add("done")
    over = rig.jobs.add(a_key("over", account="111111111111"), {}, {}, done.created_at)
    rig.jobs.advance(over.id, JobPhase.PENDING, JobPhase.FAILED, done.created_at, JobFacts(ended_at=done.created_at))
    spec = emulator.runtime.specs[0]
    for name, label in (("orphan", str(over.id)), ("unknown", "999"), ("odd", "x")):
        emulator.runtime.create(replace(spec, name=name, labels={LABEL_JOB_ID: label}))
    (rig.folder / "999").mkdir()
    (rig.folder / "strange").mkdir()
    assert emulator.reaper.sweep() == 5
    assert rig.machine.names() == [rig.container(job)]
    assert [path.name for path in rig.folder.iterdir()] == [str(job.id)]
    assert emulator.runtime.list_ours()[0].state is ContainerState.RUNNING


def test_a_cursor_is_stored_with_the_lines(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.add(Environment={"FAKE_PRINT": "a\nb"})
    rig.wait_for_end(job)
    cursor: LogCursor = rig.jobs.list_instances(JobId(job.id))[0].cursor
    assert (cursor.lines, cursor.lines_in_second) == (2, 2)
