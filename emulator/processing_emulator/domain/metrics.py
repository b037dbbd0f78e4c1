"""CloudWatch's metrics as values: what a metric is called, what was measured, and what is computed (spec 5.4)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

PROCESSING_JOBS_NAMESPACE = "/aws/sagemaker/ProcessingJobs"
"""Where the service reports what processing jobs use."""

MINUTE = 60
"""Seconds. What is measured is summed up by the minute, and kept longer in that form."""


class MetricKey(NamedTuple):
    """How CloudWatch names a metric. `dimensions` are pairs of name and value, in the order of the names."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @property
    def dimensions_text(self) -> str:
        """One text for equal dimensions."""
        return json.dumps(self.dimensions, ensure_ascii=False, separators=(",", ":"))


class Statistics(NamedTuple):
    """A statistic set: how many values, their sum, the smallest and the largest. `samples` is above zero."""

    samples: float
    total: float
    minimum: float
    maximum: float

    def merged(self, other: "Statistics") -> "Statistics":
        """Both together."""
        return Statistics(
            self.samples + other.samples,
            self.total + other.total,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


class Weighted(NamedTuple):
    """A value and how often it was measured."""

    value: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """What was measured of a metric in one second, or in one minute if `at_s` is the first second of it.

    `values` are the values themselves; None where only their statistics are known, and then no percentile is.
    """

    key: MetricKey
    at_s: int
    unit: str
    statistics: Statistics
    values: tuple[Weighted, ...] | None


def datum_of(key: MetricKey, at_s: int, unit: str, values: Sequence[Weighted]) -> Datum:
    """A datum of values, of which there is at least one."""
    return Datum(key=key, at_s=at_s, unit=unit, statistics=statistics_of(values), values=tuple(values))


def statistics_of(values: Iterable[Weighted]) -> Statistics:
    """The statistics of values, of which there is at least one."""
    values = tuple(values)
    return Statistics(
        sum(each.weight for each in values),
        sum(each.value * each.weight for each in values),
        min(each.value for each in values),
        max(each.value for each in values),
    )


def percentile(values: Iterable[Weighted], percent: float) -> float:
    """The value below which that share of the measured values lies, linear between two of them."""
    ordered = sorted(values)
    rank = percent / 100 * (sum(each.weight for each in ordered) - 1)
    passed = 0.0
    below = ordered[0].value
    for each in ordered:
        if rank <= passed:
            return below + (each.value - below) * max(0.0, rank - (passed - 1)) if rank > passed - 1 else below
        passed += each.weight
        below = each.value
        if rank <= passed - 1:
            return below
    return ordered[-1].value
