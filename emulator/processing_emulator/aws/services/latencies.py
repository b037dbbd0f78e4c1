"""How long operations take, as a histogram for each operation and outcome, since the start of the server."""

import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

BOUNDS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets; the last bucket has none."""


class Answered(NamedTuple):
    """What is told apart: `SageMaker CreateProcessingJob`, and `ok`, `refused` or `failed`."""

    operation: str
    outcome: str


@dataclass(slots=True)
class Histogram:
    """How many requests took how long; one count for each bound, and one for those beyond the last."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    total_seconds: float = 0.0


class OperationLatencies:
    """Used by all threads that serve requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._histograms: dict[Answered, Histogram] = {}

    def observe(self, answered: Answered, seconds: float) -> None:
        """One request was answered."""
        bucket = bisect_left(BOUNDS_SECONDS, seconds)
        with self._lock:
            histogram = self._histograms.setdefault(answered, Histogram())
            histogram.counts[bucket] += 1
            histogram.total_seconds += seconds

    def read(self) -> Mapping[Answered, Histogram]:
        """Copies of the histograms."""
        with self._lock:
            return {
                answered: Histogram(list(each.counts), each.total_seconds)
                for answered, each in self._histograms.items()
            }
