"""What ended a run, as data, and the verdict drawn from it: one table for every FailureReason (spec 1.7-1.9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from processing_emulator.domain.phase import JobPhase

REASON_LIMIT = 1024
"""Most characters of a FailureReason or an ExitMessage (spec 1.8, 1.9)."""

OUT_OF_MEMORY = (
    "ClientError: Please use an instance type with more memory, "
    "or reduce the size of job data processed on an instance."
)


class StopCause(StrEnum):
    """Why the emulator ended a run that would have gone on."""

    REQUESTED = "StopProcessingJob"
    MAX_RUNTIME = "MaxRuntimeInSeconds"
    PEER_FAILED = "another instance failed"


class FailureClass(StrEnum):
    """The service's classes of failure (spec 1.8)."""

    ALGORITHM = "AlgorithmError"
    CLIENT = "ClientError"
    CAPACITY = "CapacityError"
    INTERNAL = "InternalServerError"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExit:
    """How a container ended."""

    code: int
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something other than the container's own exit code that fails the job."""

    kind: FailureClass
    text: str

    @property
    def reason(self) -> str:
        """The FailureReason."""
        return f"{self.kind}: {self.text}"[:REASON_LIMIT]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOutcome:
    """The facts of one host's run; any of them may be missing. `stopped`: why the emulator cut it short."""

    exit: ContainerExit | None = None
    failure: Failure | None = None
    exit_message: str | None = None
    stopped: StopCause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The terminal phase of a job and what Describe says of it."""

    phase: JobPhase
    failure_reason: str | None = None
    exit_message: str | None = None


def failure_reason_of(outcome: InstanceOutcome) -> str | None:
    """The FailureReason of one host, None when it did its work.

    A container that failed is named before a failed upload of its outputs: the first cause wins.
    """
    if outcome.exit is not None and outcome.exit.code != 0:
        if outcome.exit.out_of_memory:
            return OUT_OF_MEMORY
        tail = f", exit code: {outcome.exit.code}"
        message = outcome.exit_message or ""
        return f"AlgorithmError: {message[: REASON_LIMIT - len(tail) - 16]}{tail}"
    return outcome.failure.reason if outcome.failure else None


def classify(outcomes: Sequence[InstanceOutcome], stop: StopCause | None) -> Verdict:
    """Draw the verdict from all hosts' outcomes, in host order, and from why the job was stopped, if it was.

    A stopped job is Stopped whatever its containers answered to the signal (spec 1.7); else the lowest host that
    failed by itself names the reason. ExitMessages are joined in host order and cut (spec 1.9).
    """
    message = "".join(o.exit_message for o in outcomes if o.exit_message)[:REASON_LIMIT] or None
    if stop in (StopCause.REQUESTED, StopCause.MAX_RUNTIME):
        return Verdict(phase=JobPhase.STOPPED, exit_message=message)
    for outcome in outcomes:
        reason = None if outcome.stopped is StopCause.PEER_FAILED else failure_reason_of(outcome)
        if reason is not None:
            return Verdict(phase=JobPhase.FAILED, failure_reason=reason, exit_message=message)
    return Verdict(phase=JobPhase.COMPLETED, exit_message=message)
