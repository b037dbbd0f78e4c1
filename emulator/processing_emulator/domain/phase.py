"""The phases of a job, the only table of transitions, and the projection to AWS's five statuses.

Who writes: `jobs` inserts PENDING, the scheduler owns a job until it is admitted, its supervisor from then on.
The drawing in docs/state-machine.md is compared with TRANSITIONS by a test.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ProcessingJobStatus(StrEnum):
    """What the API shows (spec 1.7)."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


class JobPhase(StrEnum):
    """Where a job is inside the emulator; finer than the API's status."""

    PENDING = "Pending"
    """Stored by Create; left when the scheduler has reserved capacity, or on a stop before that."""
    PULLING = "Pulling"
    """Entered on admission, the start of the job's run time; the image is looked up or pulled."""
    STAGING_IN = "StagingIn"
    """Inputs are being brought from S3."""
    STARTING = "Starting"
    """Everything is in place; the container is being created and started."""
    RUNNING = "Running"
    """The container runs; left when it has exited."""
    STAGING_OUT = "StagingOut"
    """The container has exited; outputs are being uploaded, whatever the exit code (spec 4)."""
    STOPPING = "Stopping"
    """The supervisor acts on a stop request or the time limit; containers get their grace period."""
    COMPLETED = "Completed"
    """Every container exited 0 and every output is in S3."""
    FAILED = "Failed"
    """Something went wrong; the job carries a FailureReason."""
    STOPPED = "Stopped"
    """Stopped on request or by MaxRuntimeInSeconds (spec 1.7)."""

    @property
    def is_terminal(self) -> bool:
        """Nothing leaves a terminal phase."""
        return not TRANSITIONS[self]


_FORWARD = {
    JobPhase.PENDING: {JobPhase.PULLING},
    JobPhase.PULLING: {JobPhase.STAGING_IN},
    JobPhase.STAGING_IN: {JobPhase.STARTING},
    JobPhase.STARTING: {JobPhase.RUNNING},
    JobPhase.RUNNING: {JobPhase.STAGING_OUT},
    JobPhase.STAGING_OUT: {JobPhase.COMPLETED},
    JobPhase.STOPPING: set[JobPhase](),
}

TRANSITIONS: Mapping[JobPhase, frozenset[JobPhase]] = MappingProxyType(
    {
        phase: (
            frozenset(_FORWARD[phase] | {JobPhase.FAILED, JobPhase.STOPPED} | ({JobPhase.STOPPING} - {phase}))
            if phase in _FORWARD
            else frozenset()
        )
        for phase in JobPhase
    }
)
"""Allowed successors of each phase; empty for the terminal ones."""

_STATUS = {
    JobPhase.STOPPING: ProcessingJobStatus.STOPPING,
    JobPhase.COMPLETED: ProcessingJobStatus.COMPLETED,
    JobPhase.FAILED: ProcessingJobStatus.FAILED,
    JobPhase.STOPPED: ProcessingJobStatus.STOPPED,
}


def status_of(phase: JobPhase, *, stop_requested: bool) -> ProcessingJobStatus:
    """Project a phase and a stop request to AWS's status. A request shows as Stopping at once (spec 1.7)."""
    if stop_requested and not phase.is_terminal:
        return ProcessingJobStatus.STOPPING
    return _STATUS.get(phase, ProcessingJobStatus.IN_PROGRESS)
