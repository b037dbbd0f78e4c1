"""The statistics of CloudWatch by their names: `Average`, `Maximum`, `p99.9`, ..."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from processing_emulator.domain.metrics import MetricKey, Statistics, percentile
from processing_emulator.errors import InvalidParameterValue, Unsupported
from processing_emulator.ports import MetricStore, Window

SIMPLE: Final[Mapping[str, Callable[[Statistics], float]]] = MappingProxyType(
    {
        "SampleCount": lambda each: each.samples,
        "Average": lambda each: each.total / each.samples,
        "Sum": lambda each: each.total,
        "Minimum": lambda each: each.minimum,
        "Maximum": lambda each: each.maximum,
    }
)
"""Those that are computed from sums."""

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100(?:\.0{1,10})?)", re.ASCII)
_OTHERS = re.compile(r"(?:tm|tc|ts|wm|pr|iqm)(?:\d.*|\(.*\))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Point:
    """One period's value, in one unit."""

    at_s: int
    unit: str
    value: float


def percentile_of(name: str) -> float | None:
    """99.9 for `p99.9`; None for a simple statistic. Raises InvalidParameterValue, Unsupported."""
    if name in SIMPLE:
        return None
    match = _PERCENTILE.fullmatch(name)
    if match is not None:
        return float(match[1])
    if _OTHERS.fullmatch(name):
        raise Unsupported(f"The statistic {name} is not supported by the emulator; percentiles such as p99 are")
    raise InvalidParameterValue(f"The value {name[:64]} for parameter Stat is not a statistic.")


def points_of(store: MetricStore, key: MetricKey, statistic: str, window: Window) -> Sequence[Point]:
    """The statistic of each period in which something was measured, in order, units apart.

    Raises InvalidParameterValue, Unsupported.
    """
    percent = percentile_of(statistic)
    if percent is None:
        compute = SIMPLE[statistic]
        return [Point(at_s, unit, compute(each)) for at_s, unit, each in store.read(key, window)]
    counted = {(at_s, unit): each.samples for at_s, unit, each in store.read(key, window)}
    values = {(at_s, unit): found for at_s, unit, _, found in store.read_values(key, window) if found}
    if any(sum(each.weight for each in values.get(place, ())) != samples for place, samples in counted.items()):
        raise Unsupported(
            f"The statistic {statistic} needs the values themselves, and of {key.name} some are not kept any more, or"
            " were put as StatisticValues; ask for Average, Minimum, Maximum, Sum or SampleCount, or a later StartTime"
        )
    return [Point(*place, percentile(values[place], percent)) for place in sorted(counted)]
