"""Removes what is older than it is kept, and what is oldest when everything together gets too large."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from processing_emulator.errors import StoreFailure
from processing_emulator.periodic_sweep import PeriodicSweep
from processing_emulator.ports import Clock, JobReader, JobRemoval, LogStore, MetricStore

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""Jobs in one transaction: others that write wait meanwhile."""

METRIC_ROWS_AT_ONCE = 10_000
"""In one transaction, too."""

_STEP = 0.1
"""The share of the time since the oldest of all that is removed at once, when everything is too large."""

_SHORTEST_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long things are kept, and how much room all of them have; None: for good, and any."""

    jobs_days: float | None
    metrics_days: float
    most_bytes: int | None


class Retention(PeriodicSweep):
    """A service: jobs that have ended, with their history, events and log, and metrics by the minute.

    What clients put into log streams of their own has the retention of its group, but counts when all is too large.
    """

    def __init__(
        self,
        removal: JobRemoval,
        jobs: JobReader,
        metrics: MetricStore,
        logs: LogStore,
        clock: Clock,
        limits: Limits,
        interval_seconds: float,
    ) -> None:
        self._removal = removal
        self._jobs = jobs
        self._metrics = metrics
        self._logs = logs
        self._clock = clock
        self._limits = limits
        self._is_too_large = False
        super().__init__("retention", interval_seconds, postponing=(StoreFailure,))

    def sweep(self) -> int:
        """Remove what is too old or too much by now, and give its space back; how many jobs. Raises StoreFailure."""
        now, removed = self._clock.now(), 0
        if self._limits.jobs_days is not None:
            removed += self._remove_jobs(now - timedelta(days=self._limits.jobs_days), now)
        self._forget_metrics(now - timedelta(days=self._limits.metrics_days))
        if self._limits.most_bytes is not None:
            removed += self._shrink(now, self._limits.most_bytes)
        while not self.is_stopping and self._removal.give_space_back():
            self.pause()
        return removed

    def _remove_jobs(self, before: datetime, now: datetime) -> int:
        removed = 0
        while not self.is_stopping:
            count = self._removal.remove_jobs_ended_before(before, AT_ONCE, now)
            removed += count
            if count < AT_ONCE:
                break
            self.pause()
        if removed:
            logger.info("old jobs removed", extra={"number": removed, "ended_before": before.isoformat()})
        return removed

    def _forget_metrics(self, before: datetime) -> None:
        before_s = int(before.timestamp())
        while not self.is_stopping:
            if self._metrics.forget_minutes(before_s, METRIC_ROWS_AT_ONCE) < METRIC_ROWS_AT_ONCE:
                break
            self.pause()

    def _shrink(self, now: datetime, most_bytes: int) -> int:
        """What is oldest goes first, jobs, metrics and what clients logged alike, until everything fits.

        What came since the oldest job that runs has started stays: the curves of that job are among it.
        """
        removed, before, until = 0, None, self._oldest_start(now)
        while not self.is_stopping and (used := self._removal.used_bytes() or 0) > most_bytes:
            oldest = self._oldest(now)
            if oldest is None or oldest >= until or before == until:
                self._warn(used, most_bytes)
                return removed
            before = min(until, oldest + max((until - oldest) * _STEP, _SHORTEST_STEP))
            removed += self._remove_jobs(before, now)
            self._forget_metrics(before)
            self._logs.delete_put_events_before(int(before.timestamp() * 1000))
        self._is_too_large = False
        return removed

    def _warn(self, used: int, most_bytes: int) -> None:
        """Said once, until everything has fitted again."""
        if not self._is_too_large:
            self._is_too_large = True
            reason = "what runs, what came since the oldest of it started, and kept failed jobs are not removed"
            fields = {"bytes": used, "limit_bytes": most_bytes, "reason": reason}
            logger.warning("database stays larger than its limit", extra=fields)

    def _oldest_start(self, now: datetime) -> datetime:
        """When the oldest job that runs has started; jobs that wait have measured nothing yet."""
        starts = (job.started_at for job in self._jobs.list_unfinished())
        return min((start for start in starts if start is not None), default=now)

    def _oldest(self, now: datetime) -> datetime | None:
        """When the oldest of all that can be removed ended."""
        minute_s, event_ms = self._metrics.first_minute_s(), self._logs.first_put_at_ms()
        ends = [
            self._removal.first_end(now),
            None if minute_s is None else datetime.fromtimestamp(minute_s + 60, UTC),
            None if event_ms is None else datetime.fromtimestamp(event_ms / 1000, UTC),
        ]
        return min((end for end in ends if end is not None), default=None)
