"""A reset: every job is abandoned at once and leaves nothing behind."""

from collections.abc import Sequence
from typing import Any

import pytest

from processing_emulator.domain.phase import JobPhase
from processing_emulator.engine.scheduler import ResetResult
from processing_emulator.errors import RuntimeUnavailable, StoreFailure
from processing_emulator.ports import ContainerInfo
from tests.fakes.container_script import FakeRun
from tests.fakes.runtime import FakeRuntime
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for


def _endless(_spec: Any) -> FakeRun:
    return FakeRun(holds=True)


def test_running_and_waiting_jobs_are_removed_with_their_containers_and_folders(rig: Rig) -> None:
    rig.script = _endless
    emulator = rig.start_emulator()
    running = rig.add("runs")
    rig.wait_for_phase(running, JobPhase.RUNNING)
    rig.add("waits", instance_type="ml.m5.24xlarge")

    assert emulator.scheduler.reset() == ResetResult(jobs=2, leftovers=2)

    assert rig.leftovers() == []
    assert emulator.scheduler.count_running() == 0
    assert list(rig.jobs.list_unfinished()) == []


def test_a_job_created_afterwards_under_an_old_name_runs(rig: Rig) -> None:
    rig.script = _endless
    emulator = rig.start_emulator()
    old = rig.add("job")
    rig.wait_for_phase(old, JobPhase.RUNNING)
    emulator.scheduler.reset()
    rig.script = lambda _spec: FakeRun()

    new = rig.add("job")

    assert rig.wait_for_end(new).phase is JobPhase.COMPLETED
    assert new.id > old.id
    wait_for("nothing to be left", lambda: not rig.leftovers() or None)


def test_a_job_whose_image_is_pulled_is_abandoned_at_once(rig: Rig) -> None:
    rig.machine.images, rig.machine.registry = set(), {"i:1"}
    emulator = rig.start_emulator()
    with rig.machine.pulls_held():
        rig.add(image="i:1")
        wait_for("the pull", lambda: emulator.runtime.pulls or None)
        assert emulator.scheduler.reset().jobs == 1
    assert emulator.runtime.specs == []
    assert rig.leftovers() == []


def test_without_an_engine_rows_are_deleted_and_containers_are_left_to_the_reaper(rig: Rig) -> None:
    rig.script = _endless
    emulator = rig.start_emulator()
    rig.wait_for_phase(rig.add("runs"), JobPhase.RUNNING)
    emulator.runtime.lose_engine()

    result = emulator.scheduler.reset()

    assert (result.jobs, result.leftovers) == (1, 0)
    assert result.warning
    emulator.runtime.restore_engine()
    emulator.reaper.sweep()
    assert rig.leftovers() == []


def test_a_store_that_fails_leaves_the_jobs_running(rig: Rig) -> None:
    rig.script = _endless
    emulator = rig.start_emulator()
    job = rig.add("runs")
    rig.wait_for_phase(job, JobPhase.RUNNING)

    rig.jobs.go_down()
    with pytest.raises(StoreFailure):
        emulator.scheduler.reset()
    rig.jobs.come_back()

    wait_for("the job to be taken up again", lambda: emulator.scheduler.count_running() == 1 or None)
    rig.request_stop(job)
    assert rig.wait_for_end(job).phase is JobPhase.STOPPED


def test_what_a_crash_after_deleting_the_rows_leaves_is_reaped_at_the_next_start(rig: Rig) -> None:
    class DiesHere(FakeRuntime):
        def list_ours(self) -> Sequence[ContainerInfo]:
            raise RuntimeUnavailable("the process is gone")

    rig.script = _endless
    emulator = rig.start_emulator(runtime_class=DiesHere)
    rig.wait_for_phase(rig.add("runs"), JobPhase.RUNNING)
    emulator.scheduler.reset()
    emulator.end()
    assert rig.leftovers() != []

    following = rig.start_emulator()
    following.reaper.sweep()

    assert rig.leftovers() == []
    assert list(rig.jobs.list_unfinished()) == []
