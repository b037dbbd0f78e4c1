"""The verdict on a job: every FailureReason that the emulator reports (spec 1.7-1.9)."""

import pytest

from processing_emulator.domain.outcome import (
    OUT_OF_MEMORY,
    ContainerExit,
    Failure,
    FailureClass,
    InstanceOutcome,
    StopCause,
    Verdict,
    classify,
)
from processing_emulator.domain.phase import JobPhase

UPLOAD = Failure(kind=FailureClass.CLIENT, text="Artifact upload failed:x")


def _exit(code: int, *, oom: bool = False) -> ContainerExit:
    return ContainerExit(code=code, out_of_memory=oom)


@pytest.mark.parametrize(
    ("outcome", "phase", "reason", "message"),
    [
        (InstanceOutcome(exit=_exit(0)), JobPhase.COMPLETED, None, None),
        (InstanceOutcome(exit=_exit(0), exit_message="hi"), JobPhase.COMPLETED, None, "hi"),
        (InstanceOutcome(exit=_exit(3)), JobPhase.FAILED, "AlgorithmError: , exit code: 3", None),
        (InstanceOutcome(exit=_exit(3), exit_message="x"), JobPhase.FAILED, "AlgorithmError: x, exit code: 3", "x"),
        (InstanceOutcome(exit=_exit(137)), JobPhase.FAILED, "AlgorithmError: , exit code: 137", None),
        (InstanceOutcome(exit=_exit(137, oom=True)), JobPhase.FAILED, OUT_OF_MEMORY, None),
        (InstanceOutcome(exit=_exit(0, oom=True)), JobPhase.COMPLETED, None, None),
        (InstanceOutcome(exit=_exit(0), failure=UPLOAD), JobPhase.FAILED, UPLOAD.reason, None),
        (InstanceOutcome(exit=_exit(1), failure=UPLOAD), JobPhase.FAILED, "AlgorithmError: , exit code: 1", None),
        (InstanceOutcome(failure=UPLOAD), JobPhase.FAILED, "ClientError: Artifact upload failed:x", None),
    ],
)
def test_verdict_of_one_host(
    outcome: InstanceOutcome, phase: JobPhase, reason: str | None, message: str | None
) -> None:
    assert classify([outcome], None) == Verdict(phase=phase, failure_reason=reason, exit_message=message)


@pytest.mark.parametrize("cause", [StopCause.REQUESTED, StopCause.MAX_RUNTIME])
@pytest.mark.parametrize("code", [0, 1, 137])
def test_stopped_job_is_stopped_whatever_the_exit_code(cause: StopCause, code: int) -> None:
    verdict = classify([InstanceOutcome(exit=_exit(code), exit_message="bye", stopped=cause)], cause)
    assert verdict == Verdict(phase=JobPhase.STOPPED, exit_message="bye")


def test_failure_reason_comes_from_the_lowest_failed_host() -> None:
    outcomes = [InstanceOutcome(exit=_exit(0)), InstanceOutcome(exit=_exit(2)), InstanceOutcome(exit=_exit(1))]
    assert classify(outcomes, None).failure_reason == "AlgorithmError: , exit code: 2"


def test_failure_reason_ignores_hosts_stopped_because_of_a_peer() -> None:
    outcomes = [
        InstanceOutcome(exit=_exit(143), stopped=StopCause.PEER_FAILED),
        InstanceOutcome(exit=_exit(5)),
    ]
    assert classify(outcomes, None).failure_reason == "AlgorithmError: , exit code: 5"


def test_exit_messages_of_all_hosts_are_joined_and_truncated() -> None:
    outcomes = [InstanceOutcome(exit=_exit(0), exit_message=letter * 600) for letter in "ab"]
    assert classify(outcomes, None).exit_message == "a" * 600 + "b" * 424


def test_truncated_failure_reason_keeps_the_exit_code() -> None:
    reason = classify([InstanceOutcome(exit=_exit(9), exit_message="m" * 1024)], None).failure_reason
    assert reason is not None
    assert len(reason) <= 1024
    assert reason.endswith("m, exit code: 9")
    assert len(Failure(kind=FailureClass.CLIENT, text="t" * 2000).reason) == 1024
