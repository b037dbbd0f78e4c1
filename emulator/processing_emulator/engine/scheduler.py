"""The loop that admits jobs as capacity allows, and resumes unfinished jobs when the emulator starts."""

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from processing_emulator.domain.job import JobId, Limits
from processing_emulator.domain.phase import JobPhase
from processing_emulator.engine.admission import PASSING_SECONDS, Admission
from processing_emulator.engine.backend import ExecutionBackend
from processing_emulator.engine.keeping import Keeping
from processing_emulator.engine.retry import Detached, StoreRetry
from processing_emulator.engine.supervisor_registry import SupervisorRegistry
from processing_emulator.errors import RuntimeFailure, RuntimeUnavailable, StoreFailure
from processing_emulator.ports import Clock, JobStore

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
BATCH_SECONDS = 0.1
"""While the first job of the queue has no room, new jobs are queued in batches, this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetResult:
    """What a reset removed: jobs, and the containers and folders they left. `warning`: what could not be removed."""

    jobs: int
    leftovers: int
    warning: str | None = None


class Scheduler:
    """A service, and the Wakeup that the API calls."""

    def __init__(
        self,
        store: JobStore,
        backend: ExecutionBackend,
        clock: Clock,
        engine_patience_seconds: float,
        boot_id: str | None = None,
        passing_seconds: float = PASSING_SECONDS,
        keeping: Keeping | None = None,
    ) -> None:
        self._store = store
        self._backend = backend
        self._supervision = SupervisorRegistry(store, backend, clock, boot_id, self._job_ended, keeping or Keeping())
        self._admission = Admission(store, backend, clock, self._supervision, engine_patience_seconds, passing_seconds)
        self._recovered = False
        self._arrivals: deque[JobId] = deque()
        self._stop_requests: deque[JobId] = deque()
        self._turn_lock = threading.Lock()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._stopping = threading.Event()
        self._retry = StoreRetry(self._stopping, "scheduler")
        self._thread: threading.Thread | None = None

    # --- service ---

    def start(self) -> None:
        """Resume what an earlier run left, then admit."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
            self._wake.set()
            self._thread.start()

    def stop(self) -> None:
        """Admit no more and detach all jobs; their containers keep running and are resumed at the next start."""
        self._stopping.set()
        self._wake_now()
        if self._thread is not None:
            self._thread.join()
        self._supervision.detach_all()

    def is_alive(self) -> bool:
        """Whether jobs are being admitted."""
        return self._thread is not None and self._thread.is_alive()

    def count_running(self) -> int:
        """Jobs under supervision."""
        return self._supervision.count()

    def waiting_reason(self, job_id: JobId) -> str | None:
        """What a job that is not admitted yet waits for; None when its turn is about to come."""
        return self._admission.waiting_reason(job_id)

    def reset(self) -> ResetResult:
        """Abandon every job: admit none meanwhile, detach all, clear the store, then remove what they left.

        Rows go before containers: what a crash leaves then belongs to no job, and the next start removes it. Raises
        StoreFailure; all jobs are then resumed.
        """
        with self._turn_lock:
            self._supervision.detach_all()
            self._admission.clear()
            try:
                jobs = self._store.clear()
            except StoreFailure:
                self._recovered = False
                self._wake.set()
                raise
            try:
                leftovers = self._backend.clear()
            except RuntimeFailure as error:
                return ResetResult(jobs=jobs, leftovers=0, warning=str(error))
            return ResetResult(jobs=jobs, leftovers=leftovers)

    # --- wakeup ---

    def jobs_added(self, job_ids: Sequence[JobId]) -> None:
        """Jobs wait for admission, first come first."""
        self._arrivals.extend(job_ids)
        if not self._wake.is_set():  # else the next turn sees them anyway
            self._wake.set()

    def stop_requested(self, job_id: JobId) -> None:
        """Pass a stop request to the job's supervisor, or end a job that waits in the next turn."""
        if not self._supervision.request_stop(job_id):
            self._stop_requests.append(job_id)
            self._wake_now()

    # --- the loop ---

    def _job_ended(self) -> None:
        self._admission.room_made()
        self._wake_now()

    def _wake_now(self) -> None:
        self._urgent.set()
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            if self._admission.is_blocked:
                self._urgent.wait(BATCH_SECONDS)
            self._wake.clear()
            self._urgent.clear()
            try:
                self._retry(self._take_turn)
            except Detached:
                return
            except RuntimeUnavailable:
                self._try_again_later()
            except Exception:
                # The loop outlives a bug in one turn; the job that caused it is looked at again.
                logger.exception("scheduler turn failed")
                self._try_again_later()

    def _try_again_later(self) -> None:
        if not self._stopping.wait(RETRY_SECONDS):
            self._wake.set()

    def _take_turn(self) -> None:
        with self._turn_lock:
            if not self._recovered:
                self._recover()
            if self._stopping.is_set():
                return
            while self._arrivals:
                self._admission.enqueue(self._arrivals.popleft())
            while self._stop_requests:
                self._admission.stop(self._stop_requests[0])
                self._stop_requests.popleft()
            self._admission.admit()

    def _recover(self) -> None:
        """Jobs that had capacity in an earlier run still have it, before any other job is admitted.

        Leaves off when the emulator stops meanwhile.
        """
        unfinished = self._store.list_unfinished()
        limits: defaultdict[JobId, list[Limits]] = defaultdict(list)
        for record in self._store.list_unfinished_instances():
            limits[record.job_id].append(record.limits)
        for job in unfinished:
            if self._stopping.is_set():
                return
            if job.id in limits and not self._supervision.is_supervised(job.id):
                self._admission.readmit(job, limits[job.id])
        for job in unfinished:
            if job.phase is JobPhase.PENDING and not self._supervision.is_supervised(job.id):
                self._admission.enqueue(job.id)
        self._recovered = True
