"""Admits jobs first come, first served; small ones may pass a large one for a while. Knows what jobs wait for."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from processing_emulator.domain.instance_types import catalogue
from processing_emulator.domain.job import JobEvent, JobId, Limits, ProcessingJob
from processing_emulator.domain.outcome import Failure, Verdict
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import InstanceChoice, JobSpec, spec_of
from processing_emulator.engine.admission_queue import AdmissionQueue
from processing_emulator.engine.backend import Admitted, ExecutionBackend, Never, NotNow
from processing_emulator.engine.failures import capacity_failure, internal_failure
from processing_emulator.engine.job_end import end_job
from processing_emulator.engine.supervisor_registry import SupervisorRegistry
from processing_emulator.errors import EmulatorError, JobNotFound, RuntimeUnavailable
from processing_emulator.ports import Clock, JobStore

logger = logging.getLogger(__name__)

BEHIND_OTHERS = "behind earlier jobs"
PASSING_SECONDS = 60.0
"""How long other jobs may pass the first of the queue after it had no room: in this time it is delayed by their run
times at most, and afterwards every job that ends brings it nearer.
"""
PASSING_JOBS = 50
"""How many jobs behind the first are looked at."""
_MIB = 1024 * 1024

EVENTS_AT_ONCE = 500
"""`waiting` events written in one transaction, so that others can write in between."""


@dataclass(frozen=True, slots=True)
class _Blocked:
    """The first job of the queue, what it lacked when it was tried last, and since when it is first (monotonic)."""

    job: ProcessingJob
    reason: str
    since: float


@dataclass(frozen=True, slots=True)
class _Outage:
    """The container engine does not answer; `since` is monotonic."""

    since: float
    reason: str


class Admission:
    """Belongs to the scheduler's thread, apart from `room_made`, `is_blocked` and `waiting_reason`."""

    def __init__(
        self,
        store: JobStore,
        backend: ExecutionBackend,
        clock: Clock,
        supervision: SupervisorRegistry,
        engine_patience_seconds: float,
        passing_seconds: float = PASSING_SECONDS,
    ) -> None:
        self._store = store
        self._backend = backend
        self._clock = clock
        self._supervision = supervision
        self._patience_seconds = engine_patience_seconds
        self._passing_seconds = passing_seconds
        self._without_room: set[Sequence[InstanceChoice]] = set()
        self._asks: dict[JobId, Sequence[InstanceChoice]] = {}
        """Of waiting jobs that were read."""
        self._queue = AdmissionQueue()
        self._blocked: _Blocked | None = None
        self._outage: _Outage | None = None
        self._room_made = threading.Event()

    # --- from any thread ---

    def room_made(self) -> None:
        """A job gave its capacity back: the first in the queue is worth another try."""
        self._room_made.set()

    @property
    def is_blocked(self) -> bool:
        """Whether the first job of the queue has no room."""
        return self._blocked is not None

    def waiting_reason(self, job_id: JobId) -> str | None:
        """What a job that is not admitted yet waits for; None when its turn is about to come."""
        blocked, outage = self._blocked, self._outage
        if outage is not None:
            return outage.reason
        if blocked is None:
            return None
        reason = blocked.reason if blocked.job.id == job_id else f"{BEHIND_OTHERS} (the first needs {blocked.reason})"
        return reason + "".join(
            f"; {name} has been stopping for {seconds:.0f} s" for name, seconds in self._supervision.stopping().items()
        )

    # --- from the scheduler's thread ---

    def enqueue(self, job_id: JobId) -> None:
        """A job waits from now on, unless it does already."""
        self._queue.add(job_id)

    def clear(self) -> None:
        """No job waits any more."""
        self._queue.clear()
        self._asks.clear()
        self._blocked = None

    def readmit(self, job: ProcessingJob, limits: Sequence[Limits]) -> None:
        """Supervise a job that was admitted in an earlier run of the emulator; it still holds its capacity."""
        spec = self._read_spec(job)
        if spec is not None:
            self._backend.restore(job.id, limits)
            self._store.add_event(job.id, self._event("taken_up", phase=str(job.phase)))
            logger.info("job resumed", extra={**_log_fields(job), "phase": str(job.phase)})
            self._supervision.start(job, spec)

    def stop(self, job_id: JobId) -> None:
        """End a job that waits; if it was admitted just now, its supervisor stops it."""
        if not self._supervision.request_stop(job_id):
            job = self._find_waiting(job_id)
            if job is not None:
                self._end(job, Verdict(phase=JobPhase.STOPPED))
            self._leave_queue(job_id)

    def admit(self) -> None:
        """Admit from the front of the queue as far as there is room.

        Raises StoreFailure, and RuntimeUnavailable after ending those that waited too long for the engine.
        """
        try:
            self._admit_in_turn()
        except RuntimeUnavailable as error:
            self._handle_engine_away(error)
            raise
        self._outage = None
        if self._blocked is not None:
            self._announce(self._blocked)

    def _admit_in_turn(self) -> None:
        """Stop at the first job without room; it is tried again only after room was made."""
        before = self._blocked
        if before is not None and self._queue.first() == before.job.id and not self._room_made.is_set():
            self._admit_passing(before)
            return
        self._blocked = None  # before anything can fail: a turn that failed is repeated in full
        self._room_made.clear()
        self._without_room.clear()
        while (job_id := self._queue.first()) is not None:
            job = self._find_waiting(job_id)
            reason = self._admit_one(job) if job is not None else None
            if job is not None and reason is not None:
                since = before.since if before is not None and before.job.id == job_id else self._clock.monotonic()
                self._blocked = _Blocked(job, reason, since)
                self._admit_passing(self._blocked)
                return
            self._leave_queue(job_id)

    def _admit_passing(self, blocked: _Blocked) -> None:
        """Admit jobs that fit beside the first one, in order, as long as it has not waited for long."""
        if self._clock.monotonic() - blocked.since >= self._passing_seconds:
            return
        for job_id in self._queue.behind_first(PASSING_JOBS):
            if self._asks.get(job_id) in self._without_room:
                continue  # without reading it: many may wait that ask for the same
            job = self._find_waiting(job_id)
            if job is None or self._admit_one(job) is None:
                self._leave_queue(job_id)

    def _leave_queue(self, job_id: JobId) -> None:
        self._queue.remove(job_id)
        self._asks.pop(job_id, None)

    def _find_waiting(self, job_id: JobId) -> ProcessingJob | None:
        """The job as stored, unless it has ended or was removed by a reset."""
        try:
            job = self._store.get(job_id)
        except JobNotFound:
            return None
        return job if job.phase is JobPhase.PENDING else None

    def _admit_one(self, job: ProcessingJob) -> str | None:
        """Admit a job, or end it; else what it has to wait for."""
        if job.stop_requested_at is not None:
            self._end(job, Verdict(phase=JobPhase.STOPPED))
            return None
        spec = self._read_spec(job)
        if spec is None:
            return None
        self._asks[job.id] = spec.choices
        if spec.choices in self._without_room:
            return BEHIND_OTHERS  # a job that asks for the same has just been refused
        answer = self._backend.reserve(job.id, spec)
        self._outage = None
        match answer:
            case Admitted():
                self._start(job, spec, answer)
                return None
            case Never(reason=reason):
                self._fail(job, capacity_failure(reason))
                return None
            case NotNow(reason=reason):
                self._without_room.add(spec.choices)
                return reason

    def _start(self, job: ProcessingJob, spec: JobSpec, admitted: Admitted) -> None:
        """Store what was reserved before anything runs, so that a crash does not lose it."""
        if spec.must_select:
            job = self._store.select(job.id, admitted.choice)
        self._store.ensure_instances(job.id, admitted.limits)
        capped = any(limits.capped for limits in admitted.limits)
        self._store.add_event(job.id, self._event("admitted", capped=capped, **_limits_of(admitted)))
        self._tell_missing_gpus(job, admitted)
        logger.info(
            "job admitted",
            extra={**_log_fields(job), "instance_type": admitted.choice.instance_type, "capped": capped},
        )
        if capped:
            logger.warning(
                "instance has less than its type promises", extra={**_log_fields(job), **_limits_of(admitted)}
            )
        self._supervision.start(job, spec)

    def _tell_missing_gpus(self, job: ProcessingJob, admitted: Admitted) -> None:
        """A GPU type that runs without GPUs, as the setting `GPU` allows, is never silent about it."""
        instance_type = admitted.choice.instance_type
        wanted = catalogue()[instance_type].gpus
        if wanted and not any(limits.gpu_ids for limits in admitted.limits):
            detail = {"instance_type": instance_type, "gpus_per_instance": wanted}
            self._store.add_event(job.id, self._event("runs_without_gpus", **detail))
            logger.warning("job runs without its gpus", extra={**_log_fields(job), **detail})

    def _read_spec(self, job: ProcessingJob) -> JobSpec | None:
        """What a job is to do. A request that cannot be read (another version stored it) ends that job alone."""
        try:
            return spec_of(job.request)
        except (KeyError, TypeError, ValueError, AttributeError, EmulatorError) as error:
            self._fail(job, internal_failure(f"the stored request cannot be read: {type(error).__name__}: {error}"))
            return None

    def _announce(self, blocked: _Blocked) -> None:
        """Write the `waiting` event of jobs that have none yet, once per job: many jobs may wait for long."""
        unannounced = self._queue.unannounced()
        if blocked.job.id in unannounced:
            logger.info("job waits for capacity", extra={**_log_fields(blocked.job), "reason": blocked.reason})
        for start in range(0, len(unannounced), EVENTS_AT_ONCE):
            some = unannounced[start : start + EVENTS_AT_ONCE]
            first = [job_id for job_id in some if job_id == blocked.job.id]
            behind = [job_id for job_id in some if job_id != blocked.job.id]
            self._store.add_event_to_all(first, self._event("waiting", reason=blocked.reason))
            self._store.add_event_to_all(behind, self._event("waiting", reason=BEHIND_OTHERS))
            self._queue.mark_announced(some)

    def _handle_engine_away(self, error: RuntimeUnavailable) -> None:
        """Jobs wait for the engine for a while; then each fails with the sentence that says how to start it."""
        now = self._clock.monotonic()
        if self._outage is None:
            logger.warning("engine does not answer, jobs wait", extra={"error": str(error)})
        self._outage = _Outage(since=self._outage.since if self._outage else now, reason=str(error))
        if now - self._outage.since >= self._patience_seconds:
            self._fail_waiting(error)

    def _fail_waiting(self, error: RuntimeUnavailable) -> None:
        for job_id in self._queue:
            job = self._find_waiting(job_id)
            if job is not None:
                if (self._clock.now() - job.created_at).total_seconds() < self._patience_seconds:
                    return  # those behind it came later
                self._fail(job, internal_failure(str(error)))
            self._leave_queue(job_id)

    def _fail(self, job: ProcessingJob, failure: Failure) -> None:
        self._end(job, Verdict(phase=JobPhase.FAILED, failure_reason=failure.reason))

    def _end(self, job: ProcessingJob, verdict: Verdict) -> None:
        self._backend.remove(job.id)
        end_job(self._store, job, verdict, self._clock.now())

    def _event(self, action: str, **detail: object) -> JobEvent:
        return JobEvent(at=self._clock.now(), action=action, detail=detail)


def _limits_of(admitted: Admitted) -> Mapping[str, object]:
    """For the history: what each instance may use, and what its type promises."""
    kind, limits = catalogue()[admitted.choice.instance_type], admitted.limits[0]
    return {
        "instance_type": kind.name,
        "vcpus": limits.vcpus,
        "promised_vcpus": kind.vcpus,
        "memory_mib": limits.memory_bytes // _MIB,
        "promised_memory_mib": kind.memory_bytes // _MIB,
    }


def _log_fields(job: ProcessingJob) -> dict[str, object]:
    return {"job": job.key.name, "job_id": job.id}
