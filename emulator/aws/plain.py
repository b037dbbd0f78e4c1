"""A quick look at the JSON value of a request: is it a valid request as it stands?

Nearly every request holds known members of the right types only and breaks no constraint. For those this one walk,
made from the model, does the work of `parsing` and of `validation`, which take their time to be exact; for all others
it only says that those two have to look.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

from emulator.aws.model import Kind, Shape
from emulator.aws.parsing import BITS
from emulator.aws.pattern import compile_quick_pattern
from emulator.aws.validation import LONGEST_MATCHED

Check = Callable[[Any], bool]
"""True only when parsing would return the JSON value unchanged and validation would let it pass."""

_ANY_TEXT = (r"[\s\S]*", r"[\S\s]*")
_ANY_LINE = ".*"


def compile_plain(shape: Shape) -> Check:
    """The check for values of `shape` that came out of orjson, which lets no half of a surrogate pair through."""
    return _compile(shape, {})


def _compile(shape: Shape, done: dict[str, Check]) -> Check:
    if shape.name not in done:
        done[shape.name] = _check(shape, done)
    return done[shape.name]


def _check(shape: Shape, done: dict[str, Check]) -> Check:
    match shape.kind:
        case Kind.STRUCTURE:
            members = {name: _compile(member, done) for name, member in shape.members.items()}
            return _structure(members, shape.required)
        case Kind.LIST:
            return _list(shape, _compile(cast(Shape, shape.element), done))
        case Kind.MAP:
            key, element = cast(Shape, shape.key), cast(Shape, shape.element)
            return _map(shape, _compile(key, done), _compile(element, done))
        case Kind.STRING:
            return _one_of(shape) if shape.enum else _string(shape)
        case Kind.INTEGER | Kind.LONG:
            return _whole_number(shape)
        case Kind.BOOLEAN:
            return _boolean
        case Kind.FLOAT | Kind.DOUBLE | Kind.TIMESTAMP:
            return _never  # rare, and moments are never as they came


def _structure(members: Mapping[str, Check], required: frozenset[str]) -> Check:
    def is_plain(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for name, item in value.items():
            if name not in members or not members[name](item):
                return False
        return not required or value.keys() >= required

    return is_plain


def _list(shape: Shape, element: Check) -> Check:
    low, high = _bounds(shape)

    def is_plain(value: Any) -> bool:
        return type(value) is list and low <= len(value) <= high and all(map(element, value))

    return is_plain


def _map(shape: Shape, key: Check, element: Check) -> Check:
    low, high = _bounds(shape)

    def is_plain(value: Any) -> bool:
        if type(value) is not dict or not low <= len(value) <= high:
            return False
        return all(map(key, value)) and all(map(element, value.values()))

    return is_plain


def _one_of(shape: Shape) -> Check:
    fits = _string(shape)
    values = frozenset(value for value in shape.enum if fits(value))
    return lambda value: type(value) is str and value in values


def _string(shape: Shape) -> Check:
    low, high = _bounds(shape)
    if shape.pattern is None or shape.pattern in _ANY_TEXT:
        return lambda value: type(value) is str and low <= len(value) <= high
    high = min(high, LONGEST_MATCHED)
    try:
        fullmatch = compile_quick_pattern(shape.pattern, high).fullmatch
    except ValueError:  # validation lets pass what it cannot check, and says so in the log
        return _never
    if shape.pattern == _ANY_LINE:  # what can be printed has no line ends, and is quickly seen
        return lambda value: (
            type(value) is str and low <= len(value) <= high and (value.isprintable() or fullmatch(value) is not None)
        )
    return lambda value: type(value) is str and low <= len(value) <= high and fullmatch(value) is not None


def _whole_number(shape: Shape) -> Check:
    limit = 1 << BITS[shape.kind]
    low = -limit if shape.minimum is None else max(-limit, shape.minimum)
    high = limit - 1 if shape.maximum is None else min(limit - 1, shape.maximum)
    return lambda value: type(value) is int and low <= value <= high


def _boolean(value: object) -> bool:
    return value is True or value is False


def _never(_: object) -> bool:
    return False


def _bounds(shape: Shape) -> tuple[int, int]:
    return shape.minimum or 0, sys.maxsize if shape.maximum is None else shape.maximum
