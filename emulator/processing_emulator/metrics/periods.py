"""Which periods a request asks for: how CloudWatch rounds times, and which periods it has."""

from datetime import datetime, timedelta

from processing_emulator.domain.metrics import MINUTE
from processing_emulator.errors import InvalidParameterCombination, InvalidParameterValue
from processing_emulator.ports import Window

HIGH_RESOLUTION_PERIODS = (1, 5, 10, 30)
"""Seconds. All other periods are multiples of a minute."""

LONGEST_PERIOD = 86400

_COARSE = ((timedelta(days=63), 3600), (timedelta(days=15), 300))
"""From which age of its start on a request is rounded to how many seconds."""


def check_period(period_s: int) -> None:
    """Raises InvalidParameterValue."""
    if period_s not in HIGH_RESOLUTION_PERIODS and period_s % MINUTE:
        raise InvalidParameterValue(
            f"The value {period_s} for parameter Period is not supported: it must be 1, 5, 10, 30 or a multiple of 60."
        )
    if period_s > LONGEST_PERIOD:
        raise InvalidParameterValue(
            f"The value {period_s} for parameter Period must be less than or equal to {LONGEST_PERIOD}."
        )


def window_of(start: datetime, end: datetime, period_s: int, now: datetime) -> Window:
    """The window that CloudWatch makes of a request: the start is rounded down, and periods begin there.

    Raises InvalidParameterValue for a period that there is none of, InvalidParameterCombination for times in the wrong
    order.
    """
    check_period(period_s)
    if start >= end:
        raise InvalidParameterCombination("The parameter StartTime must be less than the parameter EndTime.")
    step = _rounding(now - start, period_s)
    since_s = int(start.timestamp()) // step * step
    return Window(since_s=since_s, until_s=_ceiling(end.timestamp()), period_s=period_s)


def count_of(window: Window) -> int:
    """How many periods a window has."""
    return -(-(window.until_s - window.since_s) // window.period_s)


def _rounding(age: timedelta, period_s: int) -> int:
    for limit, seconds in _COARSE:
        if age > limit:
            return seconds
    return min(period_s, MINUTE)


def _ceiling(seconds: float) -> int:
    return -int(-seconds // 1)
