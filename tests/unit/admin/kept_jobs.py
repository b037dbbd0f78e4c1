"""An engine that keeps no failed jobs."""

from processing_emulator.domain.job import ProcessingJob
from processing_emulator.engine.backend import DebugRequest
from processing_emulator.engine.debug_sessions import DebugSession
from processing_emulator.errors import JobNotKept


class NothingKept:
    """Implements `admin.kept_routes.KeptJobs`."""

    def open(self, job: ProcessingJob, index: int, request: DebugRequest) -> DebugSession:
        """Refused."""
        raise JobNotKept(f"Nothing of the job {job.key.name} was kept.")

    def close(self, job: ProcessingJob, index: int, session: str) -> str | None:
        """There is none."""

    def release(self, job: ProcessingJob) -> None:
        """Refused."""
        raise JobNotKept(f"Nothing of the job {job.key.name} was kept.")
