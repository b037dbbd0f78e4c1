"""Removes what is older than it is kept, and what is oldest when everything together gets too large."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from processing_emulator.errors import StoreFailure
from processing_emulator.periodic_sweep import PeriodicSweep
from processing_emulator.ports import Clock, JobRemoval, LogStore, MetricStore

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""Jobs in one transaction: others that write wait meanwhile."""

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
        metrics: MetricStore,
        logs: LogStore,
        clock: Clock,
        limits: Limits,
        interval_seconds: float,
    ) -> None:
        self._removal = removal
        self._metrics = metrics
        self._logs = logs
        self._clock = clock
        self._limits = limits
        super().__init__("retention", interval_seconds, postponing=(StoreFailure,))

    def sweep(self) -> int:
        """Remove what is too old or too much by now, and give its space back; how many jobs. Raises StoreFailure."""
        now, removed = self._clock.now(), 0
        if self._limits.jobs_days is not None:
            removed += self._remove_jobs(now - timedelta(days=self._limits.jobs_days))
        self._metrics.forget_minutes(_seconds(now - timedelta(days=self._limits.metrics_days)))
        if self._limits.most_bytes is not None:
            removed += self._shrink(now, self._limits.most_bytes)
        while not self.is_stopping and self._removal.give_space_back():
            pass
        return removed

    def _remove_jobs(self, before: datetime) -> int:
        removed = 0
        while not self.is_stopping:
            count = self._removal.remove_jobs_ended_before(before, AT_ONCE)
            removed += count
            if count < AT_ONCE:
                break
        if removed:
            logger.info("old jobs removed", extra={"number": removed, "ended_before": before.isoformat()})
        return removed

    def _shrink(self, now: datetime, most_bytes: int) -> int:
        """What is oldest goes first, jobs, metrics and what clients logged alike, until everything fits."""
        removed, before = 0, None
        while not self.is_stopping and (self._removal.used_bytes() or 0) > most_bytes:
            oldest = self._oldest()
            if oldest is None or oldest >= now or before == now:
                break
            before = min(now, oldest + max((now - oldest) * _STEP, _SHORTEST_STEP))
            removed += self._remove_jobs(before)
            self._metrics.forget_minutes(_seconds(before))
            self._logs.delete_put_events_before(int(before.timestamp() * 1000))
        return removed

    def _oldest(self) -> datetime | None:
        """When the oldest of all that can be removed ended."""
        minute_s, event_ms = self._metrics.first_minute_s(), self._logs.first_put_at_ms()
        ends = [
            self._removal.first_end(),
            None if minute_s is None else datetime.fromtimestamp(minute_s + 60, UTC),
            None if event_ms is None else datetime.fromtimestamp(event_ms / 1000, UTC),
        ]
        return min((end for end in ends if end is not None), default=None)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
