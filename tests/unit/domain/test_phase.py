"""Phases, their transitions, and the status shown for each."""

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
def test_allowed_transitions(source: JobPhase, target: JobPhase) -> None:
    assert (target in TRANSITIONS[source]) is _is_allowed(source, target)


@pytest.mark.parametrize("phase", JobPhase)
def test_terminal_phases(phase: JobPhase) -> None:
    assert phase.is_terminal is (phase in TERMINAL)


@pytest.mark.parametrize("phase", JobPhase)
def test_stop_request_shows_as_stopping_until_the_job_ends(phase: JobPhase) -> None:
    shown = status_of(phase, stop_requested=True)
    assert shown is (status_of(phase, stop_requested=False) if phase in TERMINAL else ProcessingJobStatus.STOPPING)


def test_non_terminal_phases_show_as_in_progress() -> None:
    shown = {status_of(phase, stop_requested=False) for phase in FORWARD[:-1]}
    assert shown == {ProcessingJobStatus.IN_PROGRESS}


def test_diagram_in_the_docs_has_the_allowed_transitions() -> None:
    page = Path(__file__).parents[3] / "docs" / "state-machine.md"
    arrows = {
        tuple(part.strip() for part in line.split("-->"))
        for line in page.read_text(encoding="utf-8").splitlines()
        if "-->" in line and "[*]" not in line
    }
    assert arrows == {(str(source), str(target)) for source, targets in TRANSITIONS.items() for target in targets}
