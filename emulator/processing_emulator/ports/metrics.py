"""The store of CloudWatch's metrics, those of jobs and those that clients put."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from processing_emulator.domain.metrics import Datum, MetricKey, Statistics, Weighted


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricQuery:
    """Which metrics to list. None: any. A dimension without a value is one that the metric has, whatever its value.

    `active_since_s`: something was measured then or later, to the minute. `after`: the `last` of the page before.
    """

    account: str
    region: str
    limit: int
    namespace: str | None = None
    name: str | None = None
    dimensions: tuple[tuple[str, str | None], ...] = ()
    active_since_s: int | None = None
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPage:
    """Metrics in the order in which they first appeared; `last` is None when nothing follows."""

    metrics: tuple[MetricKey, ...]
    last: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """since_s <= second < until_s, cut into periods that begin at `since_s`."""

    since_s: int
    until_s: int
    period_s: int


class Bucket(NamedTuple):
    """What was measured in one period, in one unit."""

    at_s: int
    unit: str
    statistics: Statistics


class ValueBucket(NamedTuple):
    """The values of one period in one unit, as far as they are kept and known; `samples` is how many."""

    at_s: int
    unit: str
    samples: float
    values: tuple[Weighted, ...]


class MetricStore(Protocol):
    """What was measured, by the second for a while, and by the minute."""

    def put(self, data: Sequence[Datum]) -> None:
        """Store all of it or nothing; data of the same second or minute are added to each other."""
        ...

    def list_metrics(self, query: MetricQuery) -> MetricPage:
        """One page of metrics."""
        ...

    def read(self, key: MetricKey, window: Window) -> Sequence[Bucket]:
        """The periods in which something was measured, in order; by the second if the period is below a minute."""
        ...

    def read_values(self, key: MetricKey, window: Window) -> Sequence[ValueBucket]:
        """The values of each period, in order, from what is kept by the second."""
        ...

    def forget_seconds(self, before_s: int, limit: int) -> int:
        """Remove what was measured before, but for its minutes; how many rows, at most `limit`."""
        ...

    def first_minute_s(self) -> int | None:
        """When the oldest minute began that is kept."""
        ...

    def forget_minutes(self, before_s: int, limit: int) -> int:
        """Remove the minutes that began before, with their seconds, and metrics that have no more.

        How many rows, at most `limit`: first seconds, then minutes, then metrics. Fewer when nothing is left.
        """
        ...
