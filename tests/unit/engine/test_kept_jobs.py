"""Failed jobs that are kept: what stays and for how long, a crash at each step, and containers to look into them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.kept_job import KeepPolicy
from processing_emulator.engine.backend import DebugRequest
from processing_emulator.errors import JobNotKept, RuntimeFailure, RuntimeUnavailable, StoreFailure
from processing_emulator.ports import ContainerState, Dialogue, ImageInfo
from tests.builders import an_input, an_output
from tests.fakes.clock import SettableClock
from tests.fakes.container_script import FakeRun, run_from_environment
from tests.fakes.machine import FakeMachine
from tests.fakes.runtime import FakeRuntime
from tests.unit.engine.engine_rig import EmulatorRun, Rig
from tests.waiting import wait_for

KEEP = {"processing-emulator:keep-failed": "on"}
FAILS = {"FAKE_EXIT_CODE": "3"}


def failed(rig: Rig, name: str = "job", **changes: object) -> ProcessingJob:
    """A job with the tag that has failed."""
    job = rig.add(name, tags=KEEP, **{"Environment": FAILS, **changes})
    return rig.wait_for_phase(job, "Failed")


def failed_pair(rig: Rig) -> ProcessingJob:
    """A job whose second host has failed while both ran."""
    job = rig.add("pair", tags=KEEP, hosts=2, Environment={"FAKE_HOLD": "1"})
    for host in ("algo-1", "algo-2"):
        rig.machine.await_state(rig.container(job, host), ContainerState.RUNNING)
    rig.machine.release(rig.container(job, "algo-2"), 3)
    return rig.wait_for_phase(job, "Failed")


def look(command: tuple[str, ...] | None = None, session: str = "s1") -> DebugRequest:
    return DebugRequest(session=session, command=command, dialogue=Dialogue.PIPE)


def somebody_types(rig: Rig, emulator: EmulatorRun, job: ProcessingJob, index: int = 0) -> str:
    """A session that runs; the name of its container."""
    rig.script = lambda spec: replace(run_from_environment(spec), holds=True)
    name = emulator.debug.open(job, index, look()).container.name
    container = rig.machine.named(name)
    assert container is not None
    emulator.runtime.start(container.id)
    rig.script = run_from_environment
    return name


def time_passes(rig: Rig, emulator: EmulatorRun, job: ProcessingJob) -> None:
    """The job's time is over, and the reaper looks."""
    emulator.debug.release(rig.job(job))


def test_a_failed_job_with_the_tag_leaves_its_container_and_files_and_gives_its_capacity_back(rig: Rig) -> None:
    emulator = rig.start_emulator()
    rig.objects.put("bkt", "in/a", b"1")
    job = failed(rig, inputs=[an_input()], outputs=[an_output()])
    assert rig.machine.names() == [rig.container(job)]
    assert (rig.folder / str(job.id) / "algo-1" / "config" / "resourceconfig.json").exists()
    assert emulator.backend.held() == []
    assert job.kept_until is not None
    assert job.ended_at is not None
    assert timedelta(minutes=59) < job.kept_until - job.ended_at < timedelta(minutes=61)
    assert rig.actions(job)[-1] == "kept"
    emulator.reaper.sweep()
    assert rig.machine.names() == [rig.container(job)]


def test_without_tag_and_setting_nothing_is_kept(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.wait_for_phase(rig.add(Environment=FAILS), "Failed")
    assert (rig.leftovers(), job.kept_until) == ([], None)


def test_the_setting_keeps_all_failed_jobs_but_those_with_the_tag_off(rig: Rig) -> None:
    rig.policy = KeepPolicy(time=timedelta(minutes=5), most=5)
    rig.start_emulator()
    kept = rig.wait_for_phase(rig.add("kept", Environment=FAILS), "Failed")
    off = {"processing-emulator:keep-failed": "off"}
    rig.wait_for_phase(rig.add("off", tags=off, Environment=FAILS), "Failed")
    assert rig.machine.names() == [rig.container(kept)]


@pytest.mark.parametrize("hosts", [1, 2])
def test_a_completed_or_stopped_job_leaves_nothing(rig: Rig, hosts: int) -> None:
    rig.start_emulator()
    done = rig.add("done", tags=KEEP, hosts=hosts, outputs=[an_output()])
    assert rig.wait_for_end(done).status == "Completed"
    assert rig.leftovers() == []
    stopped = rig.add("stopped", tags=KEEP, hosts=hosts, Environment={"FAKE_HOLD": "1"})
    rig.wait_for_phase(stopped, "Running")
    rig.request_stop(stopped)
    assert rig.wait_for_end(stopped).status == "Stopped"
    assert rig.leftovers() == []


def test_a_job_that_fails_before_it_has_a_container_leaves_nothing(rig: Rig) -> None:
    rig.start_emulator()
    job = rig.wait_for_phase(rig.add(tags=KEEP, inputs=[an_input("a", "s3://bkt/missing/")]), "Failed")
    assert (rig.leftovers(), job.kept_until) == ([], None)


def test_a_container_that_could_not_start_is_kept(rig: Rig) -> None:
    rig.start_emulator()
    job = failed(rig, Environment={"FAKE_REJECT": "127"})
    assert rig.machine.names() == [rig.container(job)]


def test_all_hosts_of_a_cluster_are_kept_and_share_a_network_again(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = failed_pair(rig)
    assert sorted(rig.machine.names()) == [rig.container(job), rig.container(job, "algo-2")]
    assert rig.machine.networks == {}
    for index, session in enumerate(("s1", "s2")):
        emulator.debug.open(job, index, look(session=session))
    one, two = emulator.runtime.specs[-2:]
    assert one.network is not None
    assert two.network is not None
    assert (one.hostname, two.hostname) == ("algo-1", "algo-2")
    assert one.network.network == two.network.network
    assert one.network.extra_hosts["algo-2"] == two.network.address
    for index, session in enumerate(("s1", "s2")):
        emulator.debug.close(job, index, session)
    assert rig.machine.networks == {}
    assert rig.machine.snapshots == {}


def test_more_jobs_than_may_be_kept_let_the_oldest_go(rig: Rig) -> None:
    rig.policy = KeepPolicy(most=2)
    rig.start_emulator().reaper.start()
    first, second, third = (failed(rig, name) for name in ("first", "second", "third"))
    names = [rig.container(second), rig.container(third)]
    wait_for("the first to go", lambda: rig.machine.names() == names or None)
    assert rig.actions(first)[-1] == "no_longer_kept"


def test_a_running_session_keeps_its_job_for_hours_but_not_for_good(rig: Rig) -> None:
    clock = SettableClock()
    rig.clock, rig.policy = clock, KeepPolicy(most=1)
    emulator = rig.start_emulator()
    job = failed(rig)
    session = somebody_types(rig, emulator, job)
    others = [failed(rig, name) for name in ("second", "third")]
    emulator.reaper.sweep()
    assert rig.machine.names() == [rig.container(job), session]
    assert [rig.actions(other)[-1] for other in others] == ["no_longer_kept"] * 2
    minutes = 0
    while session in rig.machine.names():
        minutes += 25
        clock.passed_seconds += 25 * 60
        emulator.reaper.sweep()
    assert 12 * 60 <= minutes <= 13 * 60 + 25
    assert rig.leftovers() == []
    assert emulator.debug.close(rig.job(job), 0, "s1") == "Nothing of the job job is kept any more: its time is over."


def test_what_is_kept_outlives_a_restart_and_goes_when_it_is_released(rig: Rig) -> None:
    rig.start_emulator().end()
    emulator = rig.start_emulator()
    job = failed(rig)
    emulator.end()
    again = rig.start_emulator()
    again.reaper.sweep()
    assert rig.machine.names() == [rig.container(job)]
    again.debug.release(rig.job(job))
    assert rig.leftovers() == []
    with pytest.raises(JobNotKept, match="was kept until"):
        again.debug.open(rig.job(job), 0, look())


def test_a_job_whose_time_is_over_goes_with_its_views_and_whoever_looks_into_it(rig: Rig) -> None:
    rig.policy = KeepPolicy(time=timedelta(seconds=3), most=5)
    emulator = rig.start_emulator()
    rig.objects.put("bkt", "in/a", b"1")
    job = failed(rig, inputs=[an_input()])
    assert list(rig.views_folder.rglob("a"))
    session = emulator.debug.open(job, 0, look())
    until = session.kept_until
    wait_for("the time to be over", lambda: rig.clock.now() >= until or None)
    emulator.reaper.sweep()
    assert (rig.leftovers(), rig.machine.snapshots) == ([], {})
    with pytest.raises(JobNotKept, match="was kept until"):
        emulator.debug.open(rig.job(job), 0, look())


def test_a_deleted_job_goes_with_the_next_sweep(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = failed(rig)
    rig.jobs.delete(job.id, rig.clock.now())
    emulator.reaper.sweep()
    assert rig.leftovers() == []


def test_a_reset_removes_kept_jobs_and_who_looks_into_them(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.debug.open(failed(rig), 0, look())
    emulator.scheduler.reset()
    assert (rig.leftovers(), rig.machine.snapshots) == ([], {})


def test_a_crash_before_the_end_is_stored_finds_everything_in_place(rig: Rig) -> None:
    """What follows the outcome is never reached: the next run of the emulator ends the job, and keeps it."""
    emulator = rig.start_emulator()
    job = rig.add(tags=KEEP, Environment={**FAILS, "FAKE_HOLD": "1"})
    rig.wait_for_phase(job, "Running")
    emulator.backend.bugs_in_remove += [StoreFailure("crashed")] * 2
    rig.machine.release(rig.container(job))
    wait_for("the upload", lambda: rig.jobs.list_instances(job.id)[0].staged_out is not None or None)
    emulator.end()
    assert rig.machine.names() == [rig.container(job)]
    rig.start_emulator()
    assert rig.wait_for_end(job).is_kept(rig.clock.now())
    assert rig.machine.names() == [rig.container(job)]


def test_an_engine_that_fails_keeps_nothing_and_changes_no_outcome(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("list_ours", RuntimeUnavailable("away"))
    job = failed(rig)
    assert (job.kept_until, job.failure_reason) == (None, "AlgorithmError: , exit code: 3")
    assert rig.leftovers() == []


# --- looking into them ---


def test_a_look_has_the_file_system_folders_and_surroundings_of_the_job(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = failed(rig, Environment={**FAILS, "WORD": "x"}, AppSpecification=_app("python3", "main.py"))
    session = emulator.debug.open(job, 0, look())
    assert session.container.command == ("/bin/sh",)
    assert session.container.job_process.command == ("python3", "main.py")
    own, made = emulator.runtime.specs
    assert rig.machine.snapshots[made.image] == made.volumes_from
    assert (made.hostname, made.network, made.shm_bytes) == (own.hostname, own.network, own.shm_bytes)
    assert made.platform == own.platform == "linux/amd64"
    assert made.environment == own.environment
    assert (made.entrypoint, made.arguments, made.mounts) == (("/bin/sh",), None, ())
    assert rig.job(job).kept_until == session.kept_until
    assert rig.actions(job)[-1] == "debugged"
    emulator.reaper.sweep()
    assert session.container.name in rig.machine.names()
    emulator.debug.close(job, 0, "s1")
    emulator.debug.close(job, 0, "s1")
    assert (rig.machine.names(), rig.machine.snapshots) == ([rig.container(job)], {})


def _app(*entrypoint: str) -> dict[str, object]:
    return {"ImageUri": "image", "ContainerEntrypoint": list(entrypoint)}


def test_two_looks_at_a_time_share_the_image(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = failed(rig)
    for session in ("s1", "s2"):
        emulator.debug.open(job, 0, look(session=session))
    emulator.debug.close(job, 0, "s1")
    assert len(rig.machine.snapshots) == 1
    emulator.debug.close(job, 0, "s2")
    assert rig.machine.snapshots == {}


def test_the_same_look_opened_twice_makes_one_container(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = failed(rig)
    assert emulator.debug.open(job, 0, look()).container == emulator.debug.open(job, 0, look()).container
    assert len(rig.machine.names()) == 2


def test_what_nobody_closed_goes_with_the_job(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = failed_pair(rig)
    session = emulator.debug.open(job, 1, look())
    emulator.runtime.start(emulator.runtime.find(session.container.name).id)  # type: ignore[union-attr]
    emulator.end()
    again = rig.start_emulator()
    time_passes(rig, again, job)
    assert (rig.leftovers(), rig.machine.snapshots) == ([], {})


def test_a_slow_image_of_one_job_holds_up_no_session_of_another(rig: Rig) -> None:
    emulator = rig.start_emulator(runtime_class=SlowSnapshots)
    slow, other = failed(rig, "slow"), failed(rig, "other")
    assert isinstance(emulator.runtime, SlowSnapshots)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(emulator.debug.open, slow, 0, look())
        try:
            assert emulator.runtime.begun.wait(10)
            emulator.debug.open(other, 0, look())
            emulator.debug.close(other, 0, "s1")
            assert not opening.done()
        finally:
            emulator.runtime.may_end.set()
        assert opening.result(10).container.name in rig.machine.names()


class SlowSnapshots(FakeRuntime):
    """An engine that takes its time with the images of jobs that are called `slow`."""

    def __init__(self, emulator_id: str, machine: FakeMachine | None = None) -> None:
        super().__init__(emulator_id, machine)
        self.begun, self.may_end = threading.Event(), threading.Event()

    def snapshot(self, container_id: str, name: str) -> ImageInfo:
        if self.machine.get(container_id).spec.name.startswith("slow"):
            self.begun.set()
            self.may_end.wait(10)
        return super().snapshot(container_id, name)


def test_a_look_at_what_is_not_there_begins_no_new_time(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = failed(rig)
    emulator.runtime.remove(emulator.runtime.list_ours()[0].id)
    with pytest.raises(JobNotKept, match="somebody has removed it"):
        emulator.debug.open(job, 0, look())
    assert rig.job(job).kept_until == job.kept_until
    assert rig.actions(job)[-1] == "kept"


def test_a_look_into_a_cluster_that_fails_half_way_leaves_no_network(rig: Rig) -> None:
    emulator = rig.start_emulator()
    job = failed_pair(rig)
    emulator.runtime.fail("create", RuntimeFailure("no"))
    with pytest.raises(RuntimeFailure):
        emulator.debug.open(job, 0, look())
    assert rig.machine.networks == {}


@pytest.mark.parametrize("step", ["has_file", "snapshot", "shared_network", "create"])
def test_a_look_that_fails_half_way_leaves_the_kept_job_alone(rig: Rig, step: str) -> None:
    emulator = rig.start_emulator()
    job = failed(rig)
    emulator.runtime.fail(step, RuntimeFailure("no"))
    with pytest.raises(RuntimeFailure):
        emulator.debug.open(job, 0, look())
    assert (rig.machine.names(), rig.machine.snapshots) == ([rig.container(job)], {})
    emulator.debug.open(job, 0, look())


def test_an_image_without_a_shell_still_runs_its_programs(rig: Rig) -> None:
    emulator = rig.start_emulator()
    rig.script = lambda _spec: FakeRun(exit_code=3, files=())
    job = failed(rig)
    with pytest.raises(JobNotKept, match="The image has no shell"):
        emulator.debug.open(job, 0, look())
    assert emulator.debug.open(job, 0, look(("/bin/program",))).container.command == ("/bin/program",)


def test_what_cannot_be_looked_into_is_refused_with_what_to_do(rig: Rig) -> None:
    emulator = rig.start_emulator()

    def refusal(job: ProcessingJob, index: int = 0) -> str:
        with pytest.raises(JobNotKept) as error:
            emulator.debug.open(rig.job(job), index, look())
        return str(error.value)

    running = rig.add("running", Environment={"FAKE_HOLD": "1"})
    rig.wait_for_phase(running, "Running")
    assert refusal(running) == "The job running has not ended; only failed jobs can be looked into."
    rig.machine.release(rig.container(running))
    rig.wait_for_end(running)
    assert refusal(running) == "The job running is Completed, and only failed jobs are kept."
    forgotten = rig.wait_for_phase(rig.add("forgotten", Environment=FAILS), "Failed")
    assert "Run it again, and give it the tag processing-emulator:keep-failed=on" in refusal(forgotten)
    early = rig.wait_for_phase(rig.add("early", tags=KEEP, inputs=[an_input("a", "s3://bkt/missing/")]), "Failed")
    assert refusal(early).startswith("The job early has had no container on this machine")
    job = failed(rig)
    assert refusal(job, 1) == "The job job has no host algo-2; it has 1."
    rig.volumes.is_lost = True
    assert refusal(job) == "The files of algo-1 are gone; the machine may have been restarted."
    rig.machine.remove(rig.machine.named(rig.container(job)).id)  # type: ignore[union-attr]
    assert refusal(job).startswith("The container of algo-1 is not there")


def test_a_container_that_still_runs_is_killed_before_it_is_kept(rig: Rig) -> None:
    emulator = rig.start_emulator()
    emulator.runtime.fail("stream_logs", *[RuntimeFailure("broken")] * 50)
    emulator.runtime.fail("wait", *[RuntimeFailure("broken")] * 50)
    job = rig.wait_for_phase(rig.add(tags=KEEP, Environment={"FAKE_HOLD": "1"}), "Failed")
    assert job.kept_until is not None
    rig.machine.await_state(rig.container(job), ContainerState.EXITED)
