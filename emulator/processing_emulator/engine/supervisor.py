"""Drives one job from admission to its end; the only writer of the job's phase in that time."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from processing_emulator.domain.job import JobEvent, JobFacts, JobId, ProcessingJob, Uptime
from processing_emulator.domain.outcome import InstanceOutcome, StopCause, Verdict, classify, failure_reason_of
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import JobSpec, settled_request
from processing_emulator.engine.backend import ExecutionBackend, Gang
from processing_emulator.engine.failures import internal_failure
from processing_emulator.engine.instance import (
    InstanceEnded,
    InstanceFailed,
    InstanceStaged,
    ObjectsUploaded,
    PhaseReached,
    RunnerReport,
)
from processing_emulator.engine.job_end import end_job
from processing_emulator.engine.keeping import Keeping
from processing_emulator.engine.retry import Detached, StoreRetry
from processing_emulator.engine.shared_outputs import Detail, SharedOutputs
from processing_emulator.log_context import log_fields
from processing_emulator.ports import Clock, JobStore

logger = logging.getLogger(__name__)

FORWARD = (
    JobPhase.PENDING,
    JobPhase.PULLING,
    JobPhase.STAGING_IN,
    JobPhase.STARTING,
    JobPhase.RUNNING,
    JobPhase.STAGING_OUT,
)
"""The phases of a job that is not stopped, in order."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """StopProcessingJob was called; the store has it too."""


@dataclass(frozen=True, slots=True)
class DetachRequested:
    """The emulator stops."""


class Supervisor:
    """One job, one thread. `on_end` is called last, from that thread, whether the job ended or was detached."""

    def __init__(
        self,
        job: ProcessingJob,
        spec: JobSpec,
        *,
        store: JobStore,
        backend: ExecutionBackend,
        clock: Clock,
        boot_id: str | None,
        keeping: Keeping,
        on_end: Callable[[JobId], None],
    ) -> None:
        self._job = job
        self._spec = spec
        self._store = store
        self._backend = backend
        self._clock = clock
        self._boot_id = boot_id
        self._keeping = keeping
        self._keeps_failed = False
        self._deadline = 0.0
        self._on_end = on_end
        self._inbox: queue.SimpleQueue[RunnerReport | StopRequested | DetachRequested] = queue.SimpleQueue()
        self._stop_cause: StopCause | None = None
        self._stopping_since: float | None = None
        self._phases: list[JobPhase] = []
        self._staged: set[int] = set()
        self._outcomes: dict[int, InstanceOutcome] = {}
        self._shared_outputs = SharedOutputs(())
        self._detaching = threading.Event()
        self._persist = StoreRetry(self._detaching, job.key.name)
        self._thread = threading.Thread(target=self._run, name=f"job-{job.key.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def seconds_stopping(self) -> float | None:
        """For how long the job is being stopped; None while it is not."""
        since = self._stopping_since
        return None if since is None else self._clock.monotonic() - since

    @property
    def job_name(self) -> str:
        """For messages."""
        return self._job.key.name

    def request_stop(self) -> None:
        """A stop request is in the store."""
        self._inbox.put(StopRequested())

    def detach(self) -> None:
        """Leave the job and its running containers to the next run of the emulator; returns at once."""
        self._detaching.set()
        self._inbox.put(DetachRequested())

    def join(self) -> None:
        """Wait until the job has ended or is detached."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        with log_fields(job=self._job.key.name, job_id=self._job.id):
            self._run_to_the_end()

    def _run_to_the_end(self) -> None:
        try:
            self._supervise()
        except Detached:
            self._backend.detach(self._job.id)
        except Exception as error:
            # One job's bug must not take the others down.
            logger.exception("supervisor failed")
            self._give_up(error)
        finally:
            self._on_end(self._job.id)

    def _give_up(self, error: Exception) -> None:
        """Fail the job for a fault of ours; the reaper removes its container. If this fails, the next start tries."""
        try:
            self._backend.detach(self._job.id)
            self._backend.remove(self._job.id)
            self._job = self._store.get(self._job.id)
            if not self._job.phase.is_terminal:
                failure = internal_failure(f"{type(error).__name__} in the emulator: {error}")
                verdict = Verdict(phase=JobPhase.FAILED, failure_reason=failure.reason)
                end_job(self._store, self._job, verdict, self._clock.now())
        except Exception:
            logger.exception("job could not be failed and stays unfinished")

    def _supervise(self) -> None:
        # Read again: a stop request that came before this supervisor was registered is in the store.
        self._job = self._persist(lambda: self._store.get(self._job.id))
        records = tuple(self._persist(lambda: self._store.list_instances(self._job.id)))
        self._phases = [JobPhase.PENDING] * len(records)
        self._shared_outputs = SharedOutputs([record.host for record in records])
        if self._job.phase is JobPhase.PENDING:
            self._begin()
        self._deadline = self._clock.monotonic() + self._spec.max_runtime_seconds - self._seconds_run()
        if self._job.stop_requested_at is not None:
            self._stop(StopCause.REQUESTED)
        elif self._job.phase is JobPhase.STOPPING:
            self._stop(StopCause.MAX_RUNTIME)
        request = settled_request(self._job.request, self._job.selected)
        tags = self._persist(lambda: self._store.list_tags(self._job.id))
        keeps = self._keeps_failed = self._keeping.policy.applies_to(tags)
        gang = Gang(key=self._job.key, request=request, spec=self._spec, records=records, tags=tags, keeps_failed=keeps)
        self._backend.place(gang, self._inbox.put, self._stop_cause)
        while len(self._outcomes) < len(records):
            self._handle_next()
        self._note_all(self._shared_outputs.total())
        self._end(classify([self._outcomes[i] for i in range(len(records))], self._stop_cause))

    def _begin(self) -> None:
        """The job's run time begins: ProcessingStartTime."""
        uptime = Uptime(boot_id=self._boot_id, seconds=self._clock.monotonic()) if self._boot_id else None
        now = self._job.not_before(self._clock.now())
        self._advance(JobPhase.PULLING, JobFacts(started_at=now, started_uptime=uptime))

    def _handle_next(self) -> None:
        try:
            message = self._inbox.get(timeout=self._seconds_left())
        except queue.Empty:
            self._stop(StopCause.MAX_RUNTIME)
            return
        match message:
            case StopRequested():
                self._stop(StopCause.REQUESTED)
            case DetachRequested():
                raise Detached
            case _:
                self._handle_report(message)

    def _handle_report(self, message: RunnerReport) -> None:
        match message:
            case PhaseReached():
                self._phases[message.index] = message.phase
                if FORWARD.index(message.phase) >= FORWARD.index(JobPhase.STARTING):
                    self._mark_staged(message.index)  # a runner that found its container running does not report it
                self._follow()
            case InstanceStaged():
                self._mark_staged(message.index)
            case InstanceFailed():
                self._backend.stop(self._job.id, StopCause.PEER_FAILED)
            case InstanceEnded():
                self._outcomes[message.index] = message.outcome
                if failure_reason_of(message.outcome) is not None:
                    self._backend.stop(self._job.id, StopCause.PEER_FAILED)
                else:
                    self._mark_staged(message.index)
            case ObjectsUploaded():
                self._note_all(self._shared_outputs.add(message))
            case _:
                assert_never(message)

    def _note_all(self, events: Sequence[tuple[str, Detail]]) -> None:
        """Append to the job's history."""
        for action, detail in events:
            self._note(JobEvent(at=self._clock.now(), action=action, detail=detail))

    def _note(self, event: JobEvent) -> None:
        self._persist(lambda: self._store.add_event(self._job.id, event))

    def _mark_staged(self, index: int) -> None:
        """Start all containers once every host is staged, or has been before a restart."""
        if index not in self._staged:
            self._staged.add(index)
            if len(self._staged) == len(self._phases):
                self._backend.start_containers(self._job.id)

    def _seconds_run(self) -> float:
        """Since ProcessingStartTime. Within one boot by the monotonic clock, which setting the time does not move;
        after a reboot by the wall clock, as far as it makes sense.
        """
        started, uptime = self._job.started_at, self._job.started_uptime
        if uptime is not None and uptime.boot_id == self._boot_id:
            return max(0.0, self._clock.monotonic() - uptime.seconds)
        return max(0.0, (self._clock.now() - started).total_seconds()) if started else 0.0

    def _seconds_left(self) -> float | None:
        """Until the end of MaxRuntimeInSeconds (spec 1.7); None once the job is being stopped."""
        return None if self._stop_cause is not None else max(0.0, self._deadline - self._clock.monotonic())

    def _stop(self, cause: StopCause) -> None:
        if self._stop_cause is not None:
            return
        self._stop_cause = cause
        self._stopping_since = self._clock.monotonic()
        if self._job.phase is not JobPhase.STOPPING:
            self._advance(JobPhase.STOPPING)
        self._note(JobEvent(at=self._clock.now(), action="stopping", detail={"cause": str(cause)}))
        logger.info("job stopping", extra={"cause": cause})
        self._backend.stop(self._job.id, cause)

    def _follow(self) -> None:
        """Bring the job to the phase that all its hosts have reached; never back, and not while stopping."""
        if self._job.phase is JobPhase.STOPPING:
            return
        reached = min(FORWARD.index(phase) for phase in self._phases)
        for phase in FORWARD[FORWARD.index(self._job.phase) + 1 : reached + 1]:
            self._advance(phase)

    def _end(self, verdict: Verdict) -> None:
        """What is kept is only left alone here: a crash before the end is stored finds everything in place."""
        is_kept = self._backend.remove(self._job.id, keep=self._keeps_failed and verdict.phase is JobPhase.FAILED)
        if verdict.phase is JobPhase.COMPLETED:
            self._phases = [JobPhase.STAGING_OUT] * len(self._phases)
            self._follow()
        now = self._clock.now()
        kept_until = now + self._keeping.policy.kept_for if is_kept else None
        self._job = self._persist(lambda: end_job(self._store, self._job, verdict, now, kept_until))
        if is_kept:
            self._keeping.on_kept()

    def _advance(self, to: JobPhase, facts: JobFacts | None = None) -> None:
        job = self._job
        at = job.not_before(self._clock.now())
        self._job = self._persist(lambda: self._store.advance(job.id, job.phase, to, at, facts))
