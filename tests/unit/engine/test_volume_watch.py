"""The end of a container whose volume is only watched, or for which the machine's disk has no space."""

import os

import pytest

from processing_emulator.domain.usage import UsageReading
from processing_emulator.engine.retry import Detached
from processing_emulator.ports import ContainerSpec, ContainerState
from tests.builders import an_output
from tests.fakes.container_script import FakeRun, mounted
from tests.fakes.runtime import FakeRuntime
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

SHORTAGE = "the disk of /data is full: 0.0 MiB are free"


def test_a_container_that_outgrows_its_volume_is_killed(rig: Rig) -> None:
    def work(spec: ContainerSpec) -> None:
        with mounted(spec, "/opt/ml/output/big").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 1030 << 20)

    rig.script = lambda spec: FakeRun(work=work, holds=True)
    rig.start_emulator()
    ended = rig.wait_for_end(rig.add(outputs=[an_output()]))
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("ClientError: Insufficient disk space: the job's files take 1.01 GiB")
    assert rig.leftovers() == []


def test_files_without_a_name_count(rig: Rig) -> None:
    rig.script = lambda spec: FakeRun(holds=True, unlinked_bytes=1030 << 20)
    rig.start_emulator()
    ended = rig.wait_for_end(rig.add())
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("ClientError: Insufficient disk space: the job's files take 1.01 GiB")


def test_a_limited_volume_may_be_full_and_its_use_is_sampled(rig: Rig) -> None:
    rig.volumes.used = 1 << 30
    reading = UsageReading(cpu_seconds=1.0, memory_bytes=1)
    rig.script = lambda spec: FakeRun(holds=True, usage=reading, unlinked_bytes=1030 << 20)
    rig.start_emulator()
    job = rig.add()
    wait_for("a sample", lambda: (rig.jobs.list_instances(job.id) and rig.peaks(job).disk_bytes) or None, 10)
    rig.machine.release(rig.container(job))
    assert rig.wait_for_end(job).status == "Completed"
    assert rig.peaks(job).disk_bytes == 1 << 30


def test_a_running_container_is_killed_when_the_machine_s_disk_is_full(rig: Rig) -> None:
    rig.script = lambda spec: FakeRun(holds=True)
    rig.start_emulator()
    job = rig.add()
    rig.wait_for_phase(job, "Running")
    rig.volumes.shortage = SHORTAGE
    assert rig.wait_for_end(job).failure_reason == f"ClientError: Insufficient disk space: {SHORTAGE}"


def test_a_server_that_dies_right_after_such_a_kill_still_knows_why(rig: Rig) -> None:
    """The container's end looks like the doing of somebody else then."""

    class DiesAfterItsKill(FakeRuntime):
        def signal(self, container_id: str, signal: str) -> None:
            super().signal(container_id, signal)
            raise Detached  # the runner's thread ends, and stores nothing more

    rig.script = lambda spec: FakeRun(holds=True)
    first = rig.start_emulator(runtime_class=DiesAfterItsKill)
    job = rig.add()
    rig.wait_for_phase(job, "Running")
    rig.volumes.shortage = SHORTAGE
    rig.machine.await_state(rig.container(job), ContainerState.EXITED)
    first.end()
    rig.volumes.shortage = None  # there is space again
    rig.start_emulator()
    assert rig.wait_for_end(job).failure_reason == f"ClientError: Insufficient disk space: {SHORTAGE}"
    assert rig.leftovers() == []


@pytest.mark.parametrize(
    ("code", "reason"), [(1, f"ClientError: Insufficient disk space: {SHORTAGE}"), (0, None)], ids=["fails", "succeeds"]
)
def test_a_container_that_fails_at_once_on_a_full_disk_is_not_to_blame(rig: Rig, code: int, reason: str | None) -> None:
    def work(_spec: ContainerSpec) -> None:
        rig.volumes.shortage = SHORTAGE

    rig.script = lambda spec: FakeRun(work=work, exit_code=code)
    rig.start_emulator()
    assert rig.wait_for_end(rig.add()).failure_reason == reason


def test_files_that_a_restart_of_the_machine_has_taken_are_not_uploaded(rig: Rig) -> None:
    rig.script = lambda spec: FakeRun(holds=True)
    rig.start_emulator()
    job = rig.add(outputs=[an_output()])
    rig.wait_for_phase(job, "Running")
    rig.volumes.is_lost = True
    rig.machine.release(rig.container(job))
    reason = rig.wait_for_end(job).failure_reason
    assert reason is not None
    assert reason.startswith("InternalServerError: ")
    assert "the job's files are gone; the machine may have been restarted" in reason
