"""The table of phases."""

from itertools import product
from pathlib import Path

import pytest
from processing_emulator.domain.phase import TRANSITIONS, JobPhase, ProcessingJobStatus, status_of

TERMINAL = {JobPhase.COMPLETED, JobPhase.FAILED, JobPhase.STOPPED}
FORWARD = [
    JobPhase.PENDING,
    JobPhase.PULLING,
    JobPhase.STAGING_IN,
    JobPhase.STARTING,
    JobPhase.RUNNING,
    JobPhase.STAGING_OUT,
    JobPhase.COMPLETED,
]


def _is_allowed(source: JobPhase, target: JobPhase) -> bool:
    if source in TERMINAL or target is JobPhase.PENDING or source is target:
        return False
    if target in (JobPhase.FAILED, JobPhase.STOPPED):
        return True
    if target is JobPhase.STOPPING:
        return True
    return source is not JobPhase.STOPPING and FORWARD.index(target) == FORWARD.index(source) + 1


@pytest.mark.parametrize(("source", "target"), list(product(JobPhase, JobPhase)))
def test_every_pair_of_phases_is_allowed_or_not(source: JobPhase, target: JobPhase) -> None:
    assert (target in TRANSITIONS[source]) is _is_allowed(source, target)


@pytest.mark.parametrize("phase", JobPhase)
def test_terminal_phases_are_the_three_that_end_a_job(phase: JobPhase) -> None:
    assert phase.is_terminal is (phase in TERMINAL)


@pytest.mark.parametrize("phase", JobPhase)
def test_a_wish_to_stop_shows_as_stopping_until_the_end(phase: JobPhase) -> None:
    shown = status_of(phase, stop_requested=True)
    assert shown is (status_of(phase, stop_requested=False) if phase in TERMINAL else ProcessingJobStatus.STOPPING)


def test_running_phases_show_as_in_progress() -> None:
    shown = {status_of(phase, stop_requested=False) for phase in FORWARD[:-1]}
    assert shown == {ProcessingJobStatus.IN_PROGRESS}


def test_the_drawing_in_the_docs_has_exactly_the_table_s_arrows() -> None:
    page = Path(__file__).parents[3] / "docs" / "state-machine.md"
    arrows = {
        tuple(part.strip() for part in line.split("-->"))
        for line in page.read_text(encoding="utf-8").splitlines()
        if "-->" in line and "[*]" not in line
    }
    assert arrows == {(str(source), str(target)) for source, targets in TRANSITIONS.items() for target in targets}
