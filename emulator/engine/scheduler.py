"""Decides when jobs run: strictly first come, first served, as capacity allows. Takes unfinished jobs up at start."""

import logging
import threading
from dataclasses import dataclass

from emulator.domain.job import JobEvent, JobFacts, JobId, ProcessingJob
from emulator.domain.outcome import Failure
from emulator.domain.phase import JobPhase
from emulator.domain.spec import JobSpec, spec_of
from emulator.engine.backend import Admitted, ExecutionBackend, Never, NotNow
from emulator.engine.failures import capacity_failure, internal_failure
from emulator.engine.supervisor import Supervisor
from emulator.errors import EmulatorError, RuntimeFailure, RuntimeUnavailable, StoreFailure
from emulator.ports import Clock, JobStore

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What a reset took away: jobs, and the containers and folders they left. `warning`: what it could not."""

    jobs: int
    leftovers: int
    warning: str | None = None


class Scheduler:
    """A service, and the Wakeup that the API calls."""

    def __init__(
        self, store: JobStore, backend: ExecutionBackend, clock: Clock, engine_patience_seconds: float
    ) -> None:
        self._store = store
        self._backend = backend
        self._clock = clock
        self._patience_seconds = engine_patience_seconds
        self._supervisors: dict[JobId, Supervisor] = {}
        self._told_waiting: set[JobId] = set()
        self._taken_up = False
        self._engine_away_since: float | None = None
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # --- service ---

    def start(self) -> None:
        """Take up what an earlier life left, then admit."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
            self._wake.set()
            self._thread.start()

    def stop(self) -> None:
        """Admit no more, let go of all jobs; their containers go on and are taken up at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._let_go()

    def is_alive(self) -> bool:
        """Whether jobs are being admitted."""
        return self._thread is not None and self._thread.is_alive()

    def count_running(self) -> int:
        """Jobs under supervision."""
        return len(self._running())

    def forget_all(self) -> Forgotten:
        """Abandon every job: none is admitted meanwhile, all are let go, the store is cleared, what they left removed.

        Rows go before containers: whatever a crash leaves belongs to no job, and the next start reaps it. Raises
        StoreFailure; then all jobs are taken up again.
        """
        with self._turn:
            self._let_go()
            try:
                jobs = self._store.clear()
            except StoreFailure:
                self._taken_up = False
                self._wake.set()
                raise
            self._told_waiting.clear()
            try:
                leftovers = self._backend.clear()
            except RuntimeFailure as error:
                return Forgotten(jobs=jobs, leftovers=0, warning=str(error))
            return Forgotten(jobs=jobs, leftovers=leftovers)

    def _let_go(self) -> None:
        """No supervisor runs any more; their containers do."""
        supervisors = self._running()
        for supervisor in supervisors:
            supervisor.detach()
        for supervisor in supervisors:
            supervisor.join()

    # --- wakeup ---

    def job_added(self) -> None:
        """A job waits for admission."""
        self._wake.set()

    def stop_requested(self, job_id: JobId) -> None:
        """Tell the job's supervisor; a job that still waits is looked at by the scheduler itself."""
        with self._lock:
            supervisor = self._supervisors.get(job_id)
        if supervisor is not None:
            supervisor.wish_stop()
        else:
            self._wake.set()

    # --- the loop ---

    def _running(self) -> list[Supervisor]:
        with self._lock:
            return list(self._supervisors.values())

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                with self._turn:
                    if not self._taken_up:
                        self._take_up()
                        self._taken_up = True
                    self._admit()
                self._engine_away_since = None
            except RuntimeUnavailable as error:
                self._engine_is_away(error)
            except StoreFailure as error:
                logger.warning("scheduler cannot read the store: %s", error, extra={"action": "store_failed"})
                self._try_again_later()
            except Exception:
                # The loop outlives a bug in one turn; the job that caused it is looked at again.
                logger.exception("scheduler turn failed", extra={"action": "scheduler_failed"})
                self._try_again_later()

    def _try_again_later(self) -> None:
        if not self._stopping.wait(RETRY_SECONDS):
            self._wake.set()

    def _take_up(self) -> None:
        """Jobs that had capacity when the emulator ended still have it, before anybody else is admitted."""
        for job in self._store.list_unfinished():
            with self._lock:
                known = job.id in self._supervisors
            records = self._store.list_instances(job.id)
            spec = self._spec(job) if records and not known else None
            if spec is not None:
                self._backend.restore(job.id, [record.limits for record in records])
                self._event(job, "taken_up", phase=str(job.phase))
                self._supervise(job, spec)

    def _admit(self) -> None:
        shortage: str | None = None
        for job in self._store.list_unfinished():
            with self._lock:
                waiting = job.phase is JobPhase.PENDING and job.id not in self._supervisors
            if not waiting:
                continue
            if job.stop_requested_at is not None:
                self._end(job, JobPhase.STOPPED)
            elif shortage is not None:
                self._tell_waiting(job, "behind earlier jobs")
            else:
                shortage = self._admit_one(job)

    def _admit_one(self, job: ProcessingJob) -> str | None:
        """Admit a job, or end it; else what it has to wait for."""
        spec = self._spec(job)
        if spec is None:
            return None
        answer = self._backend.reserve(job.id, spec)
        self._engine_away_since = None
        match answer:
            case Admitted(choice=choice, limits=gang):
                if spec.must_select:
                    job = self._store.select(job.id, choice)
                for index, limits in enumerate(gang):
                    self._store.ensure_instance(job.id, index, limits)
                self._event(job, "admitted", capped=any(limits.capped for limits in gang))
                self._told_waiting.discard(job.id)
                self._supervise(job, spec)
                return None
            case Never(reason=reason):
                self._end(job, JobPhase.FAILED, capacity_failure(reason))
                return None
            case NotNow(reason=reason):
                self._tell_waiting(job, reason)
                return reason

    def _spec(self, job: ProcessingJob) -> JobSpec | None:
        """What a job is to do; a request that cannot be read, stored by another version maybe, ends that job alone."""
        try:
            return spec_of(job.request)
        except (KeyError, TypeError, ValueError, AttributeError, EmulatorError) as error:
            text = f"the stored request cannot be read: {type(error).__name__}: {error}"
            self._end(job, JobPhase.FAILED, internal_failure(text))
            return None

    def _supervise(self, job: ProcessingJob, spec: JobSpec) -> None:
        supervisor = Supervisor(
            job,
            spec,
            store=self._store,
            backend=self._backend,
            clock=self._clock,
            on_end=self._ended,
        )
        with self._lock:
            self._supervisors[job.id] = supervisor
        try:
            supervisor.start()
        except RuntimeError:  # no more threads: the job keeps its reservation and is tried again
            with self._lock:
                self._supervisors.pop(job.id)
            raise

    def _ended(self, job_id: JobId) -> None:
        with self._lock:
            self._supervisors.pop(job_id, None)
        self._wake.set()

    def _tell_waiting(self, job: ProcessingJob, reason: str) -> None:
        """Once per job: the queue is visible, not noisy."""
        if job.id not in self._told_waiting:
            self._told_waiting.add(job.id)
            self._event(job, "waiting", reason=reason)

    def _engine_is_away(self, error: RuntimeUnavailable) -> None:
        """Jobs wait for the engine a while; then each fails with the sentence that says how to mend it."""
        now = self._clock.monotonic()
        if self._engine_away_since is None:
            self._engine_away_since = now
            logger.warning("%s", error, extra={"action": "engine_away"})
        if now - self._engine_away_since >= self._patience_seconds:
            with self._turn:
                self._fail_waiting(error)
        self._try_again_later()

    def _fail_waiting(self, error: RuntimeUnavailable) -> None:
        for job in self._store.list_unfinished():
            waited = (self._clock.now() - job.created_at).total_seconds()
            with self._lock:
                is_waiting = job.phase is JobPhase.PENDING and job.id not in self._supervisors
            if is_waiting and waited >= self._patience_seconds:
                self._end(job, JobPhase.FAILED, internal_failure(str(error)))

    def _end(self, job: ProcessingJob, to: JobPhase, failure: Failure | None = None) -> None:
        self._backend.remove(job.id)
        now = self._clock.now()
        reason = failure.reason if failure else None
        self._store.advance(job.id, job.phase, to, now, JobFacts(ended_at=now, failure_reason=reason))
        self._told_waiting.discard(job.id)

    def _event(self, job: ProcessingJob, action: str, **detail: object) -> None:
        self._store.add_event(job.id, JobEvent(at=self._clock.now(), action=action, detail=detail))
