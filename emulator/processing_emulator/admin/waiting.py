"""What a job waits for that has not been admitted yet."""

from collections.abc import Callable

from processing_emulator.admin.views import Waiting
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from processing_emulator.ports import JobReader

WaitingReason = Callable[[JobId], str | None]
"""What a pending job waits for; None when it is about to be admitted."""


def reason_of(waiting_reason: WaitingReason, job: ProcessingJob) -> str | None:
    """The reason alone; None for a job that does not wait."""
    return waiting_reason(job.id) if job.phase is JobPhase.PENDING else None


def waiting_of(store: JobReader, waiting_reason: WaitingReason, job: ProcessingJob) -> Waiting | None:
    """The reason, and the place in the queue; None for a job that does not wait."""
    if job.phase is not JobPhase.PENDING:
        return None
    return Waiting(reason=waiting_reason(job.id), queue_position=store.count_waiting_before(job.id) + 1)
