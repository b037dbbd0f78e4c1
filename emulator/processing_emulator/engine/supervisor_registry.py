"""The supervisors of all admitted jobs: started here, found by job, detached together."""

import threading
from collections.abc import Callable, Mapping

from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.spec import JobSpec
from processing_emulator.engine.backend import ExecutionBackend
from processing_emulator.engine.keeping import Keeping
from processing_emulator.engine.supervisor import Supervisor
from processing_emulator.ports import Clock, JobStore


class SupervisorRegistry:
    """One supervisor per job. `on_end` is called, from the supervisor's thread, after it was taken off the list."""

    def __init__(
        self,
        store: JobStore,
        backend: ExecutionBackend,
        clock: Clock,
        boot_id: str | None,
        on_end: Callable[[], None],
        keeping: Keeping,
    ) -> None:
        self._store = store
        self._backend = backend
        self._clock = clock
        self._boot_id = boot_id
        self._on_end = on_end
        self._keeping = keeping
        self._supervisors: dict[JobId, Supervisor] = {}
        self._lock = threading.Lock()

    def start(self, job: ProcessingJob, spec: JobSpec) -> None:
        """Supervise a job whose capacity is reserved. Raises RuntimeError when there are no more threads."""
        supervisor = Supervisor(
            job,
            spec,
            store=self._store,
            backend=self._backend,
            clock=self._clock,
            boot_id=self._boot_id,
            keeping=self._keeping,
            on_end=self._ended,
        )
        with self._lock:
            self._supervisors[job.id] = supervisor
        try:
            supervisor.start()
        except RuntimeError:  # the job keeps its reservation and is tried again
            with self._lock:
                self._supervisors.pop(job.id)
            raise

    def is_supervised(self, job_id: JobId) -> bool:
        """Whether the job was admitted and has not ended."""
        with self._lock:
            return job_id in self._supervisors

    def count(self) -> int:
        """Jobs under supervision."""
        with self._lock:
            return len(self._supervisors)

    def stopping(self) -> Mapping[str, float]:
        """The names of jobs that are being stopped, and for how many seconds."""
        with self._lock:
            supervisors = list(self._supervisors.values())
        seconds = {supervisor.job_name: supervisor.seconds_stopping for supervisor in supervisors}
        return {name: since for name, since in seconds.items() if since is not None}

    def request_stop(self, job_id: JobId) -> bool:
        """Pass a stop request on; False when the job is not supervised."""
        with self._lock:
            supervisor = self._supervisors.get(job_id)
        if supervisor is None:
            return False
        supervisor.request_stop()
        return True

    def detach_all(self) -> None:
        """Leave all containers running; returns when no supervisor runs any more."""
        with self._lock:
            supervisors = list(self._supervisors.values())
        for supervisor in supervisors:
            supervisor.detach()
        for supervisor in supervisors:
            supervisor.join()

    def _ended(self, job_id: JobId) -> None:
        with self._lock:
            self._supervisors.pop(job_id, None)
        self._on_end()
