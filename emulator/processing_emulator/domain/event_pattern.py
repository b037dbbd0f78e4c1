"""Patterns of EventBridge's rules: which events a rule is about.

A pattern is a JSON object: each member must match, an object goes on below, an array has what the value may be:
literals, and matchers such as `{"prefix": "a"}`. A value that is an array matches when one of its elements does.
Source: EventBridge User Guide, "Comparison operators for use in event patterns".
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from processing_emulator.errors import InvalidEventPattern

EventPattern = Callable[[Mapping[str, Any]], bool]
"""Whether an event matches."""

_Leaf = Callable[[Sequence[Any]], bool]
"""Whether one of the values of a member matches; a member that is not there has none."""
_Value = Callable[[Any], bool]

_DEEPEST: Final = 50
_MISSING: Final = object()
_UNSUPPORTED: Final = ("wildcard", "cidr")
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "=": lambda value, bound: value == bound,
}


def compile_pattern(text: str) -> EventPattern:
    """The pattern that a JSON text holds. Raises InvalidEventPattern, with the reason in the service's form."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _invalid("it is not valid JSON") from error
    if not isinstance(document, dict):
        raise _invalid("Filter is not an object")
    return _object(document, 0)


def _object(document: Mapping[str, Any], depth: int) -> EventPattern:
    if not document:
        raise _invalid("Empty objects are not allowed")
    if depth > _DEEPEST:
        raise _invalid(f"it is nested deeper than {_DEEPEST} levels")
    return _all([_member(name, below, depth) for name, below in document.items()])


def _member(name: str, below: Any, depth: int) -> EventPattern:
    if name == "$or" and isinstance(below, list) and below and all(isinstance(each, dict) for each in below):
        if len(below) < 2:
            raise _invalid("$or needs at least two patterns")
        return _any([_object(each, depth + 1) for each in below])
    if isinstance(below, dict):
        nested = _object(below, depth + 1)
        return lambda event: any(map(nested, _objects(event.get(name))))
    if isinstance(below, list):
        if not below:
            raise _invalid("Empty arrays are not allowed")
        leaves = [_leaf(each) for each in below]
        return lambda event: _one_matches(leaves, _values(event.get(name, _MISSING)))
    raise _invalid(f'"{name[:64]}" must be an object or an array')


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """What a nested pattern looks at. One empty object where there is none: `exists: false` matches below it."""
    found = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
    yield from found or [{}]


def _values(value: Any) -> Sequence[Any]:
    """The leaves of a member: objects are none."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if each is not _MISSING and not isinstance(each, dict)]


def _one_matches(leaves: Sequence[_Leaf], values: Sequence[Any]) -> bool:
    return any(leaf(values) for leaf in leaves)


def _leaf(expected: Any) -> _Leaf:
    if isinstance(expected, dict) and "exists" in expected:
        _only(expected)
        wanted = expected["exists"]
        if not isinstance(wanted, bool):
            raise _invalid("match value of exists must be true or false")
        return lambda values: bool(values) == wanted
    matches = _matcher(expected) if isinstance(expected, dict) else _literal(expected)
    return lambda values: any(map(matches, values))


def _literal(expected: Any) -> _Value:
    """Equal in kind, too: 1 is neither "1" nor true."""
    if isinstance(expected, list):
        raise _invalid("an array of values must not hold arrays")
    if _is_number(expected):
        return lambda value: _is_number(value) and value == expected
    return lambda value: type(value) is type(expected) and value == expected


def _matcher(document: Mapping[str, Any]) -> _Value:
    name, argument = _only(document)
    match name:
        case "prefix" | "suffix" | "equals-ignore-case":
            return _text_matcher(name, argument)
        case "anything-but":
            return _anything_but(argument)
        case "numeric":
            return _numeric(argument)
    if name in _UNSUPPORTED:
        raise _invalid(f"the emulator does not support {name}")
    raise _invalid(f"Unrecognized match type {name[:64]}")


def _only(document: Mapping[str, Any]) -> tuple[str, Any]:
    if len(document) != 1:
        raise _invalid("Only one key allowed in match expression")
    return next(iter(document.items()))


def _text_matcher(name: str, argument: Any) -> _Value:
    if isinstance(argument, dict) and name != "equals-ignore-case":
        inner, text = _only(argument)
        if inner != "equals-ignore-case" or not isinstance(text, str):
            raise _invalid(f"{name} takes a string, or equals-ignore-case with one")
        folded = text.casefold()
        return lambda value: isinstance(value, str) and _compare_text(name, value.casefold(), folded)
    if not isinstance(argument, str):
        raise _invalid(f"{name} match pattern must be a string")
    if name == "equals-ignore-case":
        folded = argument.casefold()
        return lambda value: isinstance(value, str) and value.casefold() == folded
    return lambda value: isinstance(value, str) and _compare_text(name, value, argument)


def _compare_text(name: str, value: str, text: str) -> bool:
    return value.startswith(text) if name == "prefix" else value.endswith(text)


def _anything_but(argument: Any) -> _Value:
    if isinstance(argument, dict):
        name, inner = _only(argument)
        if name not in ("prefix", "suffix", "equals-ignore-case"):
            return _refuse_inside_anything_but(name)
        refused = [_text_matcher(name, each) for each in (inner if isinstance(inner, list) else [inner])]
    else:
        items = argument if isinstance(argument, list) else [argument]
        if any(not isinstance(each, str) and not _is_number(each) for each in items):
            raise _invalid("anything-but takes strings and numbers, or one matcher")
        refused = [_literal(each) for each in items]
    if not refused:
        raise _invalid("Empty arrays are not allowed")
    return lambda value: not any(matches(value) for matches in refused)


def _refuse_inside_anything_but(name: str) -> _Value:
    if name in _UNSUPPORTED:
        raise _invalid(f"the emulator does not support {name}")
    raise _invalid(f"Unsupported anything-but pattern: {name[:64]}")


def _numeric(argument: Any) -> _Value:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise _invalid("Value of numeric must be an array of one or two comparisons")
    bounds = []
    for operator, bound in zip(argument[::2], argument[1::2], strict=True):
        if not isinstance(operator, str) or operator not in _COMPARISONS:
            raise _invalid(f"Unrecognized numeric range operator: {str(operator)[:64]}")
        if not _is_number(bound):
            raise _invalid("Value of a numeric comparison must be a number")
        bounds.append((_COMPARISONS[operator], bound))
    return lambda value: _is_number(value) and all(compare(value, bound) for compare, bound in bounds)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all(patterns: Sequence[EventPattern]) -> EventPattern:
    return lambda event: all(pattern(event) for pattern in patterns)


def _any(patterns: Sequence[EventPattern]) -> EventPattern:
    return lambda event: any(pattern(event) for pattern in patterns)


def _refuse_constant(_name: str) -> float:
    raise ValueError("NaN and Infinity are not JSON")


def _invalid(reason: str) -> InvalidEventPattern:
    return InvalidEventPattern(f"Event pattern is not valid. Reason: {reason}")
