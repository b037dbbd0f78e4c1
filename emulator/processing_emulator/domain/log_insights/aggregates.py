"""What `stats` makes of the values of a group: count, sum, average and the like, in one pass over the rows."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from processing_emulator.domain.log_insights.values import Value, number, sort_key, text
from processing_emulator.domain.metrics import Weighted, percentile

MOST_VALUES = 100_000
"""Distinct values that are counted exactly, and values that a percentile is taken of; later ones are left out."""


class Aggregate(Protocol):
    """Takes values in the order of the rows; missing ones are not given to it."""

    def add(self, value: Value, /) -> None:
        """One more value."""
        ...

    def result(self) -> Value:
        """None where there is nothing to say."""
        ...


class Count:
    """How many."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, _value: Value, /) -> None:
        """One more."""
        self._count += 1

    def result(self) -> Value:
        """The number."""
        return self._count


class CountDistinct:
    """How many different ones."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def add(self, value: Value) -> None:
        """One more, which may be known."""
        if len(self._seen) < MOST_VALUES:
            self._seen.add(text(value))

    def result(self) -> Value:
        """The number."""
        return len(self._seen)


class Sum:
    """Adds up those that are numbers."""

    def __init__(self, *, average: bool = False) -> None:
        self._average = average
        self._sum: int | float = 0
        self._count = 0

    def add(self, value: Value) -> None:
        """One more."""
        if (found := number(value)) is not None:
            self._sum += found
            self._count += 1

    def result(self) -> Value:
        """The sum, or the average."""
        if not self._count:
            return None
        return self._sum / self._count if self._average else self._sum


class Extreme:
    """The smallest or the largest."""

    def __init__(self, pick: Callable[..., Value]) -> None:
        self._pick = pick
        self._found: Value = None

    def add(self, value: Value) -> None:
        """One more."""
        self._found = value if self._found is None else self._pick(self._found, value, key=sort_key)

    def result(self) -> Value:
        """The one."""
        return self._found


class Edge:
    """The first one or the last one; rows come from the latest to the earliest."""

    def __init__(self, *, latest: bool) -> None:
        self._latest = latest
        self._found: Value = None

    def add(self, value: Value) -> None:
        """One more."""
        if not self._latest or self._found is None:
            self._found = value

    def result(self) -> Value:
        """The one."""
        return self._found


class Percentile:
    """The value below which a share of the numbers lies."""

    def __init__(self, percent: float) -> None:
        self._percent = percent
        self._values: list[float] = []

    def add(self, value: Value) -> None:
        """One more."""
        if (found := number(value)) is not None and len(self._values) < MOST_VALUES:
            self._values.append(float(found))

    def result(self) -> Value:
        """Interpolated between two values."""
        if not self._values:
            return None
        return percentile((Weighted(value, 1) for value in self._values), self._percent)


AGGREGATES: Mapping[str, Callable[[], Aggregate]] = MappingProxyType(
    {
        "count": Count,
        "count_distinct": CountDistinct,
        "sum": Sum,
        "avg": lambda: Sum(average=True),
        "min": lambda: Extreme(min),
        "max": lambda: Extreme(max),
        "earliest": lambda: Edge(latest=False),
        "latest": lambda: Edge(latest=True),
    }
)
"""By lower-case name. `pct` is made with its percentage."""
