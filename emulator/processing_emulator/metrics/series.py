"""The values that metric math computes with: numbers, time series, and lists of these."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from processing_emulator.domain.metrics import MetricKey
from processing_emulator.errors import ValidationFailed
from processing_emulator.ports import Window

MOST_MADE: Final = 100_800
"""Values that a function makes of nothing, as many as a page holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values by the first second of their period, in order: the `statistic` of a `metric`, or computed of any."""

    label: str
    window: Window
    values: Mapping[int, float]
    metric: MetricKey | None = None
    statistic: str = ""

    def mapped(self, compute: Callable[[float], float | None]) -> "Series":
        """The value computed for each; where there is none, a gap."""
        computed = ((at_s, compute(value)) for at_s, value in self.values.items())
        return self.having({at_s: value for at_s, value in computed if value is not None})

    def having(self, values: Mapping[int, float]) -> "Series":
        """A computed series in its place."""
        return replace(self, values=values)

    @property
    def moments(self) -> range:
        """The first seconds of all periods, also of those without a value. Raises ValidationFailed for too many."""
        moments = range(self.window.since_s, self.window.until_s, self.window.period_s)
        if len(moments) > MOST_MADE:
            raise ValidationFailed(
                f"Error in expression: FILL and TIME_SERIES make at most {MOST_MADE:,} values; there are more periods"
                " between StartTime and EndTime."
            )
        return moments


Value: TypeAlias = float | Series | list[Series]
"""What an expression is."""


def combined(left: Value, right: Value, compute: Callable[[float, float], float | None]) -> Value | None:
    """Both, period by period, where both have a value; None where two lists meet, which cannot be combined."""
    if isinstance(left, list) and isinstance(right, list):
        return None
    if isinstance(left, list):
        return [_with_series(each, right, compute) for each in left]
    if isinstance(right, list):
        return [_with_series(each, left, lambda a, b: compute(b, a)) for each in right]
    if isinstance(left, Series):
        return _with_series(left, right, compute)
    if isinstance(right, Series):
        return _with_series(right, left, lambda a, b: compute(b, a))
    result = compute(left, right)
    return float("nan") if result is None else result


def _with_series(left: Series, right: Value, compute: Callable[[float, float], float | None]) -> Series:
    if not isinstance(right, Series):
        return left.mapped(lambda value: compute(value, right))  # type: ignore[arg-type]  # a number
    both = ((at_s, compute(value, right.values[at_s])) for at_s, value in left.values.items() if at_s in right.values)
    return left.having({at_s: value for at_s, value in both if value is not None})


def across(series: Sequence[Series], compute: Callable[[Sequence[float]], float]) -> Series:
    """One series of what is computed from all that have a value in a period; of at least one series."""
    moments = sorted({at_s for each in series for at_s in each.values})
    return Series(
        label=series[0].label,
        window=series[0].window,
        values={at_s: compute([each.values[at_s] for each in series if at_s in each.values]) for at_s in moments},
    )
