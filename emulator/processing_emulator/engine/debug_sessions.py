"""Looks into kept jobs: each is a container like that of a failed host, made here and started by who wants to look."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakValueDictionary

from processing_emulator.domain.job import InstanceRecord, JobEvent, JobId, ProcessingJob
from processing_emulator.domain.kept_job import KEEP_FAILED_TAG, KeepPolicy, has_had_container
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.spec import settled_request, spec_of
from processing_emulator.engine.backend import DebugContainer, DebugRequest, ExecutionBackend, Gang
from processing_emulator.engine.reaper import Reaper
from processing_emulator.errors import JobNotKept
from processing_emulator.ports import Clock, JobStore

HOW_TO_KEEP = (
    f"give it the tag {KEEP_FAILED_TAG}=on (processing-emulator run --keep-failed), "
    "or start the server with --keep-failed-minutes 60"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugSession:
    """A container that waits to be started, and until when the job is kept."""

    container: DebugContainer
    host: str
    kept_until: datetime


class DebugSessions:
    """Of the jobs of all accounts. A session is named by who opens it, so that it can be closed without an answer."""

    def __init__(
        self, store: JobStore, backend: ExecutionBackend, clock: Clock, policy: KeepPolicy, reaper: Reaper
    ) -> None:
        self._store = store
        self._backend = backend
        self._clock = clock
        self._policy = policy
        self._reaper = reaper
        self._lock = threading.Lock()
        self._job_locks: WeakValueDictionary[JobId, threading.Lock] = WeakValueDictionary()

    def open(self, job: ProcessingJob, index: int, request: DebugRequest) -> DebugSession:
        """Make a container to look into a host. The job is kept for as long as if it had just failed.

        Raises JobNotKept, JobNotFound, RuntimeFailure, StagingFailure.
        """
        gang = self._gang(job)
        if not job.is_kept(self._clock.now()):
            raise JobNotKept(_why_not_kept(job, gang.records))
        if index >= len(gang.records):
            raise JobNotKept(f"The job {job.key.name} has no host algo-{index + 1}; it has {len(gang.records)}.")
        host = gang.records[index].host
        with self._alone(job.id):
            self._backend.check_kept(gang, index)
            until = self._begin_anew(job, host)
            container = self._backend.open_debug(gang, index, request)
        return DebugSession(container=container, host=host, kept_until=until)

    def _begin_anew(self, job: ProcessingJob, host: str) -> datetime:
        """The time for which a job is kept; until when."""
        now = self._clock.now()
        until = max(now + self._policy.kept_for_a_look, job.kept_until or now).replace(microsecond=0)
        detail = {"host": host, "until": until.isoformat(timespec="seconds")}
        self._store.change_kept(job.id, until, JobEvent(at=now, action="debugged", detail=detail))
        return until

    def close(self, job: ProcessingJob, index: int, session: str) -> str | None:
        """Remove the container, and what was made for it. Why it went before, if the job is kept no longer.

        Raises RuntimeFailure.
        """
        gang = self._gang(job)
        if index < len(gang.records):
            with self._alone(job.id):
                self._backend.close_debug(gang, index, session)
        if job.kept_until is None or job.is_kept(self._clock.now()):
            return None
        ends = [event.detail["reason"] for event in self._store.list_events(job.id) if event.action == "no_longer_kept"]
        return f"Nothing of the job {job.key.name} is kept any more: {ends[-1] if ends else 'its time is over'}."

    @contextmanager
    def _alone(self, job_id: JobId) -> Iterator[None]:
        """Sessions of a job share an image, which takes minutes to make, and a network; the last one removes both."""
        with self._lock:
            lock = self._job_locks.setdefault(job_id, threading.Lock())
        with lock:
            yield

    def release(self, job: ProcessingJob) -> None:
        """Keep a job no longer, and remove what it has left. Raises JobNotKept, JobNotFound, RuntimeUnavailable."""
        now = self._clock.now()
        self._store.change_kept(job.id, now, JobEvent(at=now, action="no_longer_kept", detail={"reason": "asked for"}))
        self._reaper.sweep()

    def _gang(self, job: ProcessingJob) -> Gang:
        request = settled_request(job.request, job.selected)
        records = tuple(self._store.list_instances(job.id))
        return Gang(key=job.key, request=request, spec=spec_of(job.request), records=records)


def _why_not_kept(job: ProcessingJob, records: Sequence[InstanceRecord]) -> str:
    """What to do instead."""
    name = job.key.name
    if not job.phase.is_terminal:
        return f"The job {name} has not ended; only failed jobs can be looked into."
    if job.phase is not JobPhase.FAILED:
        return f"The job {name} is {job.status}, and only failed jobs are kept."
    if job.kept_until is not None:
        return f"The job {name} was kept until {job.kept_until:%Y-%m-%d %H:%M} UTC. Run it again to look into it."
    if not has_had_container(records):
        return f"The job {name} has had no container on this machine, so there is nothing to look into."
    return f"Nothing of the job {name} was kept. Run it again, and {HOW_TO_KEEP}."
