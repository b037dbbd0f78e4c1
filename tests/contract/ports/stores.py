"""The stores that the suites run on, and short ways to bring a job where a test needs it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from processing_emulator.adapters.sql_store.store import Stores
from processing_emulator.domain.job import JobFacts, JobId, Limits, ProcessingJob
from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import EmulatorError
from processing_emulator.ports import AlarmStore, EventRuleStore, JobRemoval, JobStore, LogStore, MetricStore
from tests.builders import a_key, a_request
from tests.fakes.alarm_store import MemoryAlarmStore
from tests.fakes.event_rule_store import MemoryEventRuleStore
from tests.fakes.job_removal import MemoryJobRemoval
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore

T = TypeVar("T")

KINDS = ("memory", "sqlite", "postgresql")
NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
LIMITS = Limits(vcpus=2.0, reserved_vcpus=2.0, memory_bytes=4 * 1024**3, volume_bytes=1024**3)

_WAY = (
    JobPhase.PENDING,
    JobPhase.PULLING,
    JobPhase.STAGING_IN,
    JobPhase.STARTING,
    JobPhase.RUNNING,
    JobPhase.STAGING_OUT,
    JobPhase.COMPLETED,
)


@dataclass(frozen=True, kw_only=True)
class PortStores:
    """Three stores that belong together."""

    jobs: JobStore
    logs: LogStore
    metrics: MetricStore
    alarms: AlarmStore
    rules: EventRuleStore
    removal: JobRemoval


@contextmanager
def memory_stores() -> Iterator[PortStores]:
    """Empty stores in memory."""
    jobs = MemoryJobStore()
    logs = MemoryLogStore(jobs)
    yield PortStores(
        jobs=jobs,
        logs=logs,
        metrics=MemoryMetricStore(jobs),
        alarms=MemoryAlarmStore(jobs),
        rules=MemoryEventRuleStore(jobs),
        removal=MemoryJobRemoval(jobs, logs),
    )


@contextmanager
def sql_stores(opened: Stores) -> Iterator[PortStores]:
    """The stores of a database, closed at the end."""
    with closing(opened):
        yield PortStores(
            jobs=opened.jobs,
            logs=opened.logs,
            metrics=opened.metrics,
            alarms=opened.alarms,
            rules=opened.rules,
            removal=opened.removal,
        )


def later(seconds: float) -> datetime:
    """A moment after NOW."""
    return NOW + timedelta(seconds=seconds)


def add_job(jobs: JobStore, name: str = "job", *, at: datetime = NOW) -> ProcessingJob:
    """A pending job."""
    return jobs.add(a_key(name), a_request(name), {}, at)


def add_instance(jobs: JobStore, name: str = "job") -> JobId:
    """A job with one instance, index 0."""
    job = add_job(jobs, name)
    jobs.ensure_instances(job.id, [LIMITS])
    return job.id


def move_to(jobs: JobStore, job: ProcessingJob, phase: JobPhase, *, at: datetime = NOW) -> ProcessingJob:
    """Bring a pending job to a phase, by the way a real one takes where there is only one."""
    way = _WAY[1 : _WAY.index(phase) + 1] if phase in _WAY else (phase,)
    for step in way:
        job = jobs.advance(job.id, job.phase, step, at, JobFacts(ended_at=at) if step.is_terminal else None)
    return job


def output_of(logs: LogStore, job_id: JobId, index: int = 0) -> list[StoredEvent]:
    """All events of an instance's output."""
    stream = logs.output_stream(job_id, index)
    if stream is None:
        return []
    return list(logs.read(stream.id, 0, forward=True, limit=stream.next_seq, most_bytes=2**40))


def race(calls: Sequence[Callable[[], T]]) -> list[T | EmulatorError]:
    """Make all calls at once, each in a thread of its own; what each returned or raised."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | EmulatorError:
        barrier.wait(timeout=10)
        try:
            return call()
        except EmulatorError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
