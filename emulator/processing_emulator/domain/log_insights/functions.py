"""The functions of expressions, by lower-case name: how many arguments they take, and what they make of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from processing_emulator.domain.log_insights.values import Moment, Value, number, sort_key, text

PERIODS_MS: Mapping[str, int] = MappingProxyType(
    {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
)


class Function(NamedTuple):
    """`most` is None where any number of arguments goes."""

    least: int
    most: int | None
    call: Callable[[Sequence[Value]], Value]


def period_ms(period: str) -> int:
    """The length of a period such as `5m`."""
    count = int("".join(filter(str.isdigit, period)))
    return max(1, count * PERIODS_MS["".join(filter(str.isalpha, period))])


def _numeric(call: Callable[[float], float]) -> Function:
    def of(arguments: Sequence[Value]) -> Value:
        value = number(arguments[0])
        try:
            return None if value is None else call(value)
        except (ValueError, OverflowError):
            return None

    return Function(1, 1, of)


def _textual(call: Callable[[str], Value]) -> Function:
    return Function(1, 1, lambda arguments: None if arguments[0] is None else call(text(arguments[0])))


def _substring(arguments: Sequence[Value]) -> Value:
    start, length = number(arguments[1]), number(arguments[2]) if len(arguments) > 2 else None
    if arguments[0] is None or start is None:
        return None
    rest = text(arguments[0])[max(0, int(start)) :]
    return rest if length is None else rest[: max(0, int(length))]


def _replace(arguments: Sequence[Value]) -> Value:
    if arguments[0] is None:
        return None
    return text(arguments[0]).replace(text(arguments[1] or ""), text(arguments[2] or ""))


def _contains(arguments: Sequence[Value]) -> Value:
    return int(arguments[0] is not None and text(arguments[1] or "") in text(arguments[0]))


def _extreme(pick: Callable[..., Value]) -> Function:
    def of(arguments: Sequence[Value]) -> Value:
        present = [argument for argument in arguments if argument is not None]
        return pick(present, key=sort_key) if present else None

    return Function(1, None, of)


def _first(arguments: Sequence[Value]) -> Value:
    return next((argument for argument in arguments if argument is not None), None)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "abs": _numeric(abs),
        "ceil": _numeric(math.ceil),
        "floor": _numeric(math.floor),
        "log": _numeric(math.log),
        "sqrt": _numeric(math.sqrt),
        "greatest": _extreme(max),
        "least": _extreme(min),
        "strlen": _textual(len),
        "toupper": _textual(str.upper),
        "tolower": _textual(str.lower),
        "trim": _textual(str.strip),
        "ltrim": _textual(str.lstrip),
        "rtrim": _textual(str.rstrip),
        "concat": Function(1, None, lambda arguments: "".join(text(a) for a in arguments if a is not None)),
        "substr": Function(2, 3, _substring),
        "replace": Function(3, 3, _replace),
        "strcontains": Function(2, 2, _contains),
        "coalesce": Function(1, None, _first),
        "ispresent": Function(1, 1, lambda arguments: arguments[0] is not None),
        "isempty": Function(1, 1, lambda arguments: arguments[0] in (None, "")),
        "isblank": Function(1, 1, lambda arguments: arguments[0] is None or not text(arguments[0]).strip()),
        "tomillis": _numeric(int),
        "frommillis": _numeric(Moment),
    }
)
