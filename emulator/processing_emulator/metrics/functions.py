"""The functions of metric math that are computed here, by their names. What AWS has besides is refused by name."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from types import MappingProxyType
from typing import Final, TypeAlias

from processing_emulator.errors import Unsupported, ValidationFailed
from processing_emulator.metrics.series import Series, Value, across, combined
from processing_emulator.ports import Window

Argument: TypeAlias = Value | str
"""Texts and keywords are arguments, too."""

Function: TypeAlias = Callable[[Sequence[Argument], Window], Value]

OTHERS: Final = frozenset(
    {
        "ANOMALY_DETECTION_BAND",
        "DB_PERF_INSIGHTS",
        "INSIGHT_RULE_METRIC",
        "LAMBDA",
        "SELECT",
        "SERVICE_QUOTA",
        "SORT",
    }
)
"""What AWS has and the emulator has not."""


def call(name: str, arguments: Sequence[Argument], window: Window) -> Value:
    """The result of a function. Raises Unsupported, ValidationFailed."""
    if name in OTHERS:
        raise Unsupported(f"The function {name} of metric math is not supported by the emulator")
    function = FUNCTIONS.get(name)
    if function is None:
        raise ValidationFailed(f"Error in expression: there is no function {name[:64]}.")
    return function(arguments, window)


def _aggregate(name: str, compute: Callable[[Sequence[float]], float]) -> Function:
    """Of a list, period by period, a series; of a series, over all its values, a number."""

    def defined(values: Sequence[float]) -> float:
        try:
            return compute(values)
        except (ArithmeticError, ValueError, AttributeError):  # infinities have no deviation
            return math.nan

    def function(arguments: Sequence[Argument], window: Window) -> Value:
        given = _only(name, arguments)
        if isinstance(given, list):
            return across(given, defined) if given else _empty(name, window)
        if isinstance(given, Series):
            return defined(list(given.values.values())) if given.values else math.nan
        raise _wrong(name, "a list of metrics or one metric")

    return function


def _each(name: str, compute: Callable[[float], float | None]) -> Function:
    """Of each value."""

    def function(arguments: Sequence[Argument], _window: Window) -> Value:
        given = _only(name, arguments)
        if isinstance(given, str):
            raise _wrong(name, "a metric, a list or a number")
        if isinstance(given, float):
            result = compute(given)
            return math.nan if result is None else result
        return _mapped(given, lambda series: series.mapped(compute))

    return function


def _series(name: str, compute: Callable[[Series], Series]) -> Function:
    """Of a series, or of each in a list."""

    def function(arguments: Sequence[Argument], _window: Window) -> Value:
        given = _only(name, arguments)
        if isinstance(given, Series | list):
            return _mapped(given, compute)
        raise _wrong(name, "a metric or a list of metrics")

    return function


def _moments(name: str, compute: Callable[[datetime], float]) -> Function:
    """Of the time of each value."""
    return _series(
        name,
        lambda series: series.having({at_s: compute(datetime.fromtimestamp(at_s, UTC)) for at_s in series.values}),
    )


def _mapped(given: Series | list[Series], compute: Callable[[Series], Series]) -> Value:
    return [compute(each) for each in given] if isinstance(given, list) else compute(given)


def _whole(value: float, rounded: Callable[[float], int]) -> float | None:
    return float(rounded(value)) if math.isfinite(value) else None


def _log(value: float, base: Callable[[float], float]) -> float | None:
    return base(value) if value > 0 else None


def _steps(compute: Callable[[float, float, int], float]) -> Callable[[Series], Series]:
    """From each value and the one before: (before, value, seconds between)."""

    def change(series: Series) -> Series:
        pairs = list(series.values.items())
        return series.having(
            {at_s: compute(before, value, at_s - before_s) for (before_s, before), (at_s, value) in pairwise(pairs)}
        )

    return change


def _running_sum(series: Series) -> Series:
    total, sums = 0.0, {}
    for at_s, value in series.values.items():
        total += value
        sums[at_s] = total
    return series.having(sums)


def _period(arguments: Sequence[Argument], _window: Window) -> Value:
    given = _only("PERIOD", arguments)
    if not isinstance(given, Series):
        raise _wrong("PERIOD", "a metric")
    return float(given.window.period_s)


def _count(arguments: Sequence[Argument], _window: Window) -> Value:
    given = _only("METRIC_COUNT", arguments)
    if not isinstance(given, list):
        raise _wrong("METRIC_COUNT", "a list of metrics")
    return float(len(given))


def _pick(name: str, index: int) -> Function:
    def function(arguments: Sequence[Argument], window: Window) -> Value:
        given = _only(name, arguments)
        if not isinstance(given, list):
            raise _wrong(name, "a list of metrics")
        return given[index] if given else _empty(name, window)

    return function


def _remove_empty(arguments: Sequence[Argument], _window: Window) -> Value:
    given = _only("REMOVE_EMPTY", arguments)
    if not isinstance(given, list):
        raise _wrong("REMOVE_EMPTY", "a list of metrics")
    return [series for series in given if series.values]


def _slice(arguments: Sequence[Argument], _window: Window) -> Value:
    series, *ends = arguments or ("",)
    numbers = [int(end) for end in ends if isinstance(end, float) and math.isfinite(end)]
    if not isinstance(series, list) or len(numbers) != len(ends) or len(numbers) not in (1, 2):
        raise _wrong("SLICE", "a list of metrics and one or two numbers")
    return series[numbers[0] : numbers[1] if len(numbers) > 1 else None]


def _time_series(arguments: Sequence[Argument], window: Window) -> Value:
    given = _only("TIME_SERIES", arguments)
    if not isinstance(given, float):
        raise _wrong("TIME_SERIES", "a number")
    empty = _empty("TIME_SERIES", window)
    return empty.having(dict.fromkeys(empty.moments, given))


def _fill(arguments: Sequence[Argument], _window: Window) -> Value:
    if len(arguments) != 2 or not isinstance(arguments[0], Series | list):
        raise _wrong("FILL", "a metric or a list, and a number, a metric, REPEAT or LINEAR")
    given, filler = arguments
    if isinstance(filler, list) or (isinstance(filler, str) and filler.upper() not in ("REPEAT", "LINEAR")):
        raise _wrong("FILL", "a metric or a list, and a number, a metric, REPEAT or LINEAR")
    return _mapped(given, lambda series: _filled(series, filler))  # type: ignore[arg-type]  # checked above


def _filled(series: Series, filler: float | Series | str) -> Series:
    match filler:
        case str() if filler.upper() == "REPEAT":
            return _repeated(series)
        case str():
            return _interpolated(series)
        case Series():
            return series.having(
                {
                    at_s: v
                    for at_s in series.moments
                    if (v := series.values.get(at_s, filler.values.get(at_s))) is not None
                }
            )
        case _:
            return series.having({at_s: series.values.get(at_s, filler) for at_s in series.moments})


def _repeated(series: Series) -> Series:
    last: float | None = None
    filled = {}
    for at_s in series.moments:
        last = series.values.get(at_s, last)
        if last is not None:
            filled[at_s] = last
    return series.having(filled)


def _interpolated(series: Series) -> Series:
    """Linear between two values; none before the first and after the last."""
    filled, pairs = dict(series.values), list(series.values.items())
    for (first_s, first), (last_s, last) in pairwise(pairs):
        for at_s in range(first_s + series.window.period_s, last_s, series.window.period_s):
            filled[at_s] = first + (last - first) * (at_s - first_s) / (last_s - first_s)
    return series.having(dict(sorted(filled.items())))


def _if(arguments: Sequence[Argument], _window: Window) -> Value:
    if len(arguments) not in (2, 3) or any(isinstance(each, str | list) for each in arguments):
        raise _wrong("IF", "a condition and one or two values, each a metric or a number")
    condition, *choices = arguments
    otherwise = choices[1] if len(choices) > 1 else None
    if not isinstance(condition, Series):
        chosen = choices[0] if condition else otherwise
        return chosen if isinstance(chosen, float | Series) else math.nan
    values = {}
    for at_s, decides in condition.values.items():
        chosen = choices[0] if decides else otherwise
        value = chosen.values.get(at_s) if isinstance(chosen, Series) else chosen
        if isinstance(value, float):
            values[at_s] = value
    return condition.having(values)


def _only(name: str, arguments: Sequence[Argument]) -> Argument:
    if len(arguments) != 1:
        raise _wrong(name, "one argument")
    return arguments[0]


def _empty(label: str, window: Window) -> Series:
    return Series(label=label, window=window, values={})


def _wrong(name: str, needed: str) -> ValidationFailed:
    return ValidationFailed(f"Error in expression: {name} takes {needed}.")


FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        "SUM": _aggregate("SUM", sum),
        "AVG": _aggregate("AVG", statistics.fmean),
        "MIN": _aggregate("MIN", min),
        "MAX": _aggregate("MAX", max),
        "STDDEV": _aggregate("STDDEV", statistics.pstdev),
        "DATAPOINT_COUNT": _aggregate("DATAPOINT_COUNT", lambda values: float(len(values))),
        "METRIC_COUNT": _count,
        "ABS": _each("ABS", abs),
        "CEIL": _each("CEIL", lambda value: _whole(value, math.ceil)),
        "FLOOR": _each("FLOOR", lambda value: _whole(value, math.floor)),
        "LOG": _each("LOG", lambda value: _log(value, math.log)),
        "LOG10": _each("LOG10", lambda value: _log(value, math.log10)),
        "RATE": _series("RATE", _steps(lambda before, value, seconds: (value - before) / seconds)),
        "DIFF": _series("DIFF", _steps(lambda before, value, _seconds: value - before)),
        "DIFF_TIME": _series("DIFF_TIME", _steps(lambda _before, _value, seconds: float(seconds))),
        "RUNNING_SUM": _series("RUNNING_SUM", _running_sum),
        "FILL": _fill,
        "IF": _if,
        "PERIOD": _period,
        "FIRST": _pick("FIRST", 0),
        "LAST": _pick("LAST", -1),
        "REMOVE_EMPTY": _remove_empty,
        "SLICE": _slice,
        "TIME_SERIES": _time_series,
        "MINUTE": _moments("MINUTE", lambda at: float(at.minute)),
        "HOUR": _moments("HOUR", lambda at: float(at.hour)),
        "DAY": _moments("DAY", lambda at: float(at.isoweekday())),
        "DATE": _moments("DATE", lambda at: float(at.day)),
        "MONTH": _moments("MONTH", lambda at: float(at.month)),
        "YEAR": _moments("YEAR", lambda at: float(at.year)),
        "EPOCH": _moments("EPOCH", lambda at: at.timestamp()),
    }
)


def _divided(a: float, b: float) -> float | None:
    return a / b if b else None


def _powered(a: float, b: float) -> float | None:
    try:
        power = a**b
    except (OverflowError, ZeroDivisionError):
        return None
    return power if isinstance(power, float) else None  # a root of a negative number is complex


OPERATORS: Final[Mapping[str, Callable[[float, float], float | None]]] = MappingProxyType(
    {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": _divided,
        "%": lambda a, b: math.fmod(a, b) if b and math.isfinite(a) else None,
        "^": _powered,
        "==": lambda a, b: float(a == b),
        "!=": lambda a, b: float(a != b),
        "<": lambda a, b: float(a < b),
        "<=": lambda a, b: float(a <= b),
        ">": lambda a, b: float(a > b),
        ">=": lambda a, b: float(a >= b),
        "AND": lambda a, b: float(bool(a) and bool(b)),
        "OR": lambda a, b: float(bool(a) or bool(b)),
    }
)


def operate(operator: str, left: Argument, right: Argument) -> Value:
    """The result of an operator. Raises ValidationFailed."""
    if isinstance(left, str) or isinstance(right, str):
        raise ValidationFailed(f"Error in expression: {operator} does not take texts or unknown ids.")
    result = combined(left, right, OPERATORS[operator])
    if result is None:
        raise ValidationFailed(f"Error in expression: {operator} does not take two lists.")
    return result
