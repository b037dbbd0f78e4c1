"""What to do to look into a failed job."""

from collections.abc import Sequence
from datetime import datetime

from processing_emulator.domain.job import InstanceRecord, ProcessingJob
from processing_emulator.domain.kept_job import debug_command, has_had_container
from processing_emulator.domain.phase import JobPhase


def debug_advice(job: ProcessingJob, instances: Sequence[InstanceRecord], at: datetime) -> str | None:
    """A sentence for a failed job that has had a container on this machine; None for every other."""
    if job.phase is not JobPhase.FAILED or not has_had_container(instances):
        return None
    if job.is_kept(at):
        return f"Look into it until {job.kept_until:%H:%M} UTC: {debug_command(job.key)}"
    return "To look into its container next time, run it with --keep-failed."
