"""The last step of every job: its terminal phase with the facts that Describe shows, and a line in the server's log."""

import logging
from datetime import datetime

from processing_emulator.domain.job import JobFacts, ProcessingJob
from processing_emulator.domain.outcome import Verdict
from processing_emulator.ports import JobStore

logger = logging.getLogger(__name__)


def end_job(
    store: JobStore, job: ProcessingJob, verdict: Verdict, at: datetime, kept_until: datetime | None = None
) -> ProcessingJob:
    """Move a job to the phase of the verdict. `kept_until`: see the job. Raises StoreFailure, StaleJob."""
    at = job.not_before(at)
    facts = JobFacts(
        ended_at=at,
        failure_reason=verdict.failure_reason,
        exit_message=verdict.exit_message,
        kept_until=kept_until,
    )
    ended = store.advance(job.id, job.phase, verdict.phase, at, facts)
    fields: dict[str, object] = {"job": job.key.name, "job_id": job.id, "status": str(ended.status)}
    if job.started_at is not None:
        fields["seconds"] = round((at - job.started_at).total_seconds(), 1)
    if verdict.failure_reason is not None:
        fields["failure_reason"] = verdict.failure_reason
    logger.info("job ended", extra=fields)
    return ended
