"""Decides when jobs run: strictly first come, first served, as capacity allows. Takes unfinished jobs up at start."""

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from processing_emulator.domain.job import JobEvent, JobFacts, JobId, Limits, ProcessingJob
from processing_emulator.domain.outcome import Failure
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import JobSpec, spec_of
from processing_emulator.engine.admission_queue import WaitingLine
from processing_emulator.engine.backend import Admitted, ExecutionBackend, Never, NotNow
from processing_emulator.engine.failures import capacity_failure, internal_failure
from processing_emulator.engine.supervisor import Supervisor
from processing_emulator.errors import EmulatorError, JobNotFound, RuntimeFailure, RuntimeUnavailable, StoreFailure
from processing_emulator.ports import Clock, JobStore

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
NEWS_SECONDS = 0.1
"""While the first in line has no room, new jobs are taken into the line together, this often."""

TOLD_AT_ONCE = 500
"""Events written in one transaction, so that the store is free for others in between."""


@dataclass(frozen=True, slots=True)
class _Shortage:
    """Why the first in line could not be admitted when it was tried last."""

    job_id: JobId
    reason: str


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
        self._taken_up = False
        self._line = WaitingLine()
        self._arrivals: deque[JobId] = deque()
        self._wishes: deque[JobId] = deque()
        self._shortage: _Shortage | None = None
        self._engine_away_since: float | None = None
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._room_made = threading.Event()
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
        self._wake_now()
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
            self._shortage = None
            try:
                jobs = self._store.clear()
            except StoreFailure:
                self._taken_up = False
                self._wake.set()
                raise
            self._line.clear()
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

    def jobs_added(self, job_ids: Sequence[JobId]) -> None:
        """Jobs wait for admission, first come first."""
        self._arrivals.extend(job_ids)
        if not self._wake.is_set():  # else the turn to come takes them along
            self._wake.set()

    def stop_requested(self, job_id: JobId) -> None:
        """Tell the job's supervisor; a job that still waits is looked at by the scheduler itself."""
        with self._lock:
            supervisor = self._supervisors.get(job_id)
        if supervisor is not None:
            supervisor.wish_stop()
        else:
            self._wishes.append(job_id)
            self._wake_now()

    # --- the loop ---

    def _running(self) -> list[Supervisor]:
        with self._lock:
            return list(self._supervisors.values())

    def _wake_now(self) -> None:
        self._urgent.set()
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            if self._shortage is not None:
                self._urgent.wait(NEWS_SECONDS)
            self._wake.clear()
            self._urgent.clear()
            if self._stopping.is_set():
                return
            try:
                with self._turn:
                    if not self._taken_up:
                        self._take_up()
                    if self._taken_up:
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
        """Jobs that had capacity when the emulator ended still have it, before anybody else is admitted.

        Not done, and to be begun anew, when the emulator is ended meanwhile.
        """
        unfinished = self._store.list_unfinished()
        limits: defaultdict[JobId, list[Limits]] = defaultdict(list)
        for record in self._store.list_unfinished_instances():
            limits[record.job_id].append(record.limits)
        for job in unfinished:
            if self._stopping.is_set():
                return
            spec = self._spec(job) if job.id in limits and not self._is_supervised(job.id) else None
            if spec is not None:
                self._backend.restore(job.id, limits[job.id])
                self._event(job.id, "taken_up", phase=str(job.phase))
                self._supervise(job, spec)

        for job in unfinished:
            if job.phase is JobPhase.PENDING and not self._is_supervised(job.id):
                self._line.add(job.id)
        self._taken_up = True

    def _is_supervised(self, job_id: JobId) -> bool:
        with self._lock:
            return job_id in self._supervisors

    def _admit(self) -> None:
        while self._arrivals:
            self._line.add(self._arrivals.popleft())
        while self._wishes:
            self._stop_waiting(self._wishes[0])
            self._wishes.popleft()
        self._admit_in_turn()
        if self._shortage is not None:
            self._tell_waiting(self._shortage)

    def _stop_waiting(self, job_id: JobId) -> None:
        """End a job before its turn; one that was admitted just now is its supervisor's."""
        with self._lock:
            supervisor = self._supervisors.get(job_id)
        if supervisor is not None:
            supervisor.wish_stop()
            return
        job = self._find_waiting(job_id)
        if job is not None:
            self._end(job, JobPhase.STOPPED)
        self._line.remove(job_id)

    def _admit_in_turn(self) -> None:
        """Admit from the front of the line until somebody has no room, who is tried again when room was made."""
        if self._shortage is not None and self._line.first() == self._shortage.job_id and not self._room_made.is_set():
            return
        self._shortage = None
        self._room_made.clear()
        while (job_id := self._line.first()) is not None:
            job = self._find_waiting(job_id)
            reason = self._admit_one(job) if job is not None else None
            if reason is not None:
                self._shortage = _Shortage(job_id, reason)
                return
            self._line.remove(job_id)

    def _find_waiting(self, job_id: JobId) -> ProcessingJob | None:
        """The job as stored, unless it has ended or was forgotten."""
        try:
            job = self._store.get(job_id)
        except JobNotFound:
            return None
        return job if job.phase is JobPhase.PENDING else None

    def _admit_one(self, job: ProcessingJob) -> str | None:
        """Admit a job, or end it; else what it has to wait for."""
        if job.stop_requested_at is not None:
            self._end(job, JobPhase.STOPPED)
            return None
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
                self._event(job.id, "admitted", capped=any(limits.capped for limits in gang))
                self._supervise(job, spec)
                return None
            case Never(reason=reason):
                self._end(job, JobPhase.FAILED, capacity_failure(reason))
                return None
            case NotNow(reason=reason):
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
        self._room_made.set()
        self._wake_now()

    def _tell_waiting(self, shortage: _Shortage) -> None:
        """Once per job: the queue is visible, not noisy."""
        news = self._line.news()
        for start in range(0, len(news), TOLD_AT_ONCE):
            some = news[start : start + TOLD_AT_ONCE]
            first = [job_id for job_id in some if job_id == shortage.job_id]
            behind = [job_id for job_id in some if job_id != shortage.job_id]
            self._store.add_event_to_all(first, self._new_event("waiting", reason=shortage.reason))
            self._store.add_event_to_all(behind, self._new_event("waiting", reason="behind earlier jobs"))
            self._line.told(some)

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
        for job_id in self._line:
            job = self._find_waiting(job_id)
            if job is not None:
                if (self._clock.now() - job.created_at).total_seconds() < self._patience_seconds:
                    return  # those behind it came later
                self._end(job, JobPhase.FAILED, internal_failure(str(error)))
            self._line.remove(job_id)

    def _end(self, job: ProcessingJob, to: JobPhase, failure: Failure | None = None) -> None:
        self._backend.remove(job.id)
        now = self._clock.now()
        reason = failure.reason if failure else None
        self._store.advance(job.id, job.phase, to, now, JobFacts(ended_at=now, failure_reason=reason))

    def _event(self, job_id: JobId, action: str, **detail: object) -> None:
        self._store.add_event(job_id, self._new_event(action, **detail))

    def _new_event(self, action: str, **detail: object) -> JobEvent:
        return JobEvent(at=self._clock.now(), action=action, detail=detail)
