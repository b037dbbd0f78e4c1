"""What Describe and List show of a job in each phase (spec 1.4)."""

import pytest

from processing_emulator.aws.services.sagemaker.describe_processing_job import description_of, state_of
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from tests.builders import a_key, a_request
from tests.unit.jobs.job_requests import START


def a_job(phase: JobPhase) -> ProcessingJob:
    """A job that has every fact a run can leave, whatever its phase."""
    return ProcessingJob(
        id=JobId(1),
        key=a_key(),
        phase=phase,
        request=a_request(),
        created_at=START,
        modified_at=START,
        started_at=START,
        ended_at=START,
        failure_reason="AlgorithmError: , exit code: 1",
        exit_message="message",
    )


@pytest.mark.parametrize("phase", list(JobPhase))
def test_what_a_run_left_behind_shows_only_when_the_job_has_ended(phase: JobPhase) -> None:
    for shown in (description_of(a_job(phase)), state_of(a_job(phase))):
        assert ("ProcessingEndTime" in shown) is phase.is_terminal
        assert ("ExitMessage" in shown) is phase.is_terminal


@pytest.mark.parametrize("phase", list(JobPhase))
def test_a_reason_shows_only_on_a_failed_job(phase: JobPhase) -> None:
    for shown in (description_of(a_job(phase)), state_of(a_job(phase))):
        assert ("FailureReason" in shown) is (phase is JobPhase.FAILED)


def test_the_start_shows_in_the_description_alone() -> None:
    job = a_job(JobPhase.RUNNING)

    assert "ProcessingStartTime" in description_of(job)
    assert "ProcessingStartTime" not in state_of(job)
