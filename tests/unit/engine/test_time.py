"""Run time is counted by the monotonic clock, and a job's times never go back (spec 1.4, 1.7)."""

from datetime import timedelta

import pytest

from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.phase import JobPhase
from tests.fakes.clock import SettableClock
from tests.unit.engine.engine_rig import Rig

HOLD = {"FAKE_HOLD": "1"}
HOUR = timedelta(hours=1)


@pytest.fixture
def clock(rig: Rig) -> SettableClock:
    """The clock of the rig."""
    made = SettableClock()
    rig.clock = made
    return made


def times_in_order(job: ProcessingJob) -> bool:
    assert job.started_at is not None
    assert job.ended_at is not None
    return job.created_at <= job.started_at <= job.ended_at <= job.modified_at


def run_for(rig: Rig, seconds: int) -> ProcessingJob:
    job = rig.add(Environment=HOLD, StoppingCondition={"MaxRuntimeInSeconds": seconds})
    rig.wait_for_phase(job, "Running")
    return job


@pytest.mark.parametrize("shift", [HOUR, -HOUR])
def test_a_clock_that_jumps_neither_stops_a_job_nor_gives_it_an_end_before_its_start(
    rig: Rig, clock: SettableClock, shift: timedelta
) -> None:
    rig.start_emulator()
    job = run_for(rig, 600)
    clock.shift = shift
    rig.machine.release(rig.container(job))
    ended = rig.wait_for_end(job)
    assert ended.phase is JobPhase.COMPLETED
    assert times_in_order(ended)


def test_a_clock_that_is_set_back_before_the_start_does_not_turn_times_round(rig: Rig, clock: SettableClock) -> None:
    job = rig.add()
    clock.shift = -HOUR
    rig.start_emulator()
    assert times_in_order(rig.wait_for_end(job))


def test_a_clock_that_is_set_forward_while_the_server_is_away_does_not_stop_a_job(
    rig: Rig, clock: SettableClock
) -> None:
    first = rig.start_emulator()
    job = run_for(rig, 600)
    first.end()
    rig.runs.clear()
    clock.shift = HOUR
    rig.start_emulator()
    rig.machine.release(rig.container(job))
    ended = rig.wait_for_end(job)
    assert ended.phase is JobPhase.COMPLETED
    assert times_in_order(ended)


def test_time_that_passes_while_the_server_is_away_counts_although_the_clock_is_set_back(
    rig: Rig, clock: SettableClock
) -> None:
    first = rig.start_emulator()
    job = run_for(rig, 600)
    first.end()
    rig.runs.clear()
    clock.passed_seconds = 601
    clock.shift = -HOUR
    rig.start_emulator()
    ended = rig.wait_for_end(job)
    assert ended.phase is JobPhase.STOPPED
    assert times_in_order(ended)


def test_after_a_reboot_the_wall_clock_counts(rig: Rig, clock: SettableClock) -> None:
    first = rig.start_emulator()
    job = run_for(rig, 600)
    first.end()
    rig.runs.clear()
    rig.boot_id = "boot-2"
    clock.shift = HOUR
    rig.start_emulator()
    assert rig.wait_for_end(job).phase is JobPhase.STOPPED
