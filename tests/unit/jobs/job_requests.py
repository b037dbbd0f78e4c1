"""A clock that steps and a wakeup that remembers: what the use cases need besides a store."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from processing_emulator.domain.job import JobFacts, JobId, ProcessingJob
from processing_emulator.domain.phase import JobPhase
from processing_emulator.jobs.listing import JobListing
from processing_emulator.jobs.service import JobService
from processing_emulator.jobs.tags import JobTags
from processing_emulator.logs.reading import LogReading
from tests.fakes.alarm_store import MemoryAlarmStore
from tests.fakes.event_rule_store import MemoryEventRuleStore
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore

START = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)

_WAY = (
    JobPhase.PENDING,
    JobPhase.PULLING,
    JobPhase.STAGING_IN,
    JobPhase.STARTING,
    JobPhase.RUNNING,
    JobPhase.STAGING_OUT,
    JobPhase.COMPLETED,
)


class StepClock:
    """Each look at it is one second after the one before."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> datetime:
        """See the port."""
        self.looks += 1
        return START + timedelta(seconds=self.looks - 1)

    def monotonic(self) -> float:
        """See the port."""
        return float(self.looks)


class RememberingWakeup:
    """Records the calls to the engine."""

    def __init__(self) -> None:
        self.added: list[JobId] = []
        self.stopped: list[JobId] = []

    def jobs_added(self, job_ids: Sequence[JobId]) -> None:
        """See the port."""
        self.added += job_ids

    def stop_requested(self, job_id: JobId) -> None:
        """See the port."""
        self.stopped.append(job_id)


class Api:
    """The use cases on an empty store in memory."""

    def __init__(
        self,
        store: MemoryJobStore | None = None,
        quotas: Mapping[str, int] | None = None,
        image_map: Mapping[str, str] | None = None,
        *,
        check_image_region: bool = True,
    ) -> None:
        self.store = store or MemoryJobStore()
        self.clock = StepClock()
        self.wakeup = RememberingWakeup()
        self.service = JobService(
            store=self.store,
            clock=self.clock,
            wakeup=self.wakeup,
            quotas=quotas,
            image_map=image_map,
            check_image_region=check_image_region,
        )
        self.listing = JobListing(store=self.store)
        self.tags = JobTags(store=self.store)
        self.logs = MemoryLogStore(self.store)
        self.log_reading = LogReading(self.logs)
        self.rules = MemoryEventRuleStore(self.store)
        self.metrics = MemoryMetricStore(self.store)
        self.alarms = MemoryAlarmStore(self.store)

    def move(self, job: ProcessingJob, to: JobPhase, facts: JobFacts | None = None) -> ProcessingJob:
        """Bring a job to a phase as the engine would: start and end times set, `facts` with the last step."""
        steps = _WAY[_WAY.index(job.phase) + 1 : _WAY.index(to) + 1] if to in _WAY else (to,)
        for step in steps:
            now = self.clock.now()
            given = facts if step is to and facts is not None else JobFacts()
            job = self.store.advance(
                job.id,
                job.phase,
                step,
                now,
                JobFacts(
                    started_at=now if step is JobPhase.PULLING else None,
                    ended_at=now if step.is_terminal else None,
                    failure_reason=given.failure_reason,
                    exit_message=given.exit_message,
                    kept_until=given.kept_until,
                ),
            )
        return job
