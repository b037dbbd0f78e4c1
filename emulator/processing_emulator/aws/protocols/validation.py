"""The constraints of the service model, and the one message in which the service reports their violations (spec 1.2).

`Value '<v>' at '<path>' failed to satisfy constraint: ...`: paths in lowerCamelCase, elements of lists counted from
1 as `.1.member`, constraints on the elements of a list of scalars or on the keys and values of a map collapsed into
one violation. Like the service's own validator it stops at ten.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from processing_emulator.aws.protocols.java_text import java_text, lower_camel
from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.aws.protocols.pattern import compile_pattern
from processing_emulator.errors import ValidationFailed

logger = logging.getLogger(__name__)

MOST_VIOLATIONS = 10
"""The service reports no more than this many violations of one request."""

LONGEST_MATCHED = 8192
"""Patterns without a maximum length are not tried on longer strings; a match may take quadratic time."""

_NOT_NULL = "Member must not be null"

_NULLS_CHECKED_LATER = frozenset({"ContainerEntrypoint", "ContainerArguments"})
"""Lists whose nulls the service refuses with a text of their own (`jobs.image_rules`)."""


@dataclass(slots=True)
class _Report:
    """The violations found so far."""

    violations: list[str] = field(default_factory=list)
    without_values: list[str] = field(default_factory=list)
    """The same for the log: a value may be a secret."""

    @property
    def full(self) -> bool:
        return len(self.violations) >= MOST_VIOLATIONS

    def add(self, value: object, shape: Shape, path: str, constraint: str) -> None:
        if not self.full:
            printed = "null" if value is None else f"'{java_text(value, shape)}'"
            self.violations.append(f"Value {printed} at '{path}' failed to satisfy constraint: {constraint}")
            self.without_values.append(f"Value at '{path}' failed to satisfy constraint: {constraint}")


@dataclass(frozen=True, slots=True)
class _Constraint:
    """One constraint on a single value, and how the service words it."""

    holds: Callable[[object], bool]
    text: str


_Walk = Callable[[object, str, _Report], None]
"""Checks a value that is not null, and what lies in it."""


def compile_validator(shape: Shape) -> Callable[[Mapping[str, object]], None]:
    """A function that raises ValidationFailed when a parsed request breaks constraints of its structure."""
    walk = _compile(shape, {})

    def validate(request: Mapping[str, object]) -> None:
        report = _Report()
        if walk is not None:
            walk(request, "", report)
        if report.violations:
            raise ValidationFailed(message_of(report.violations), log_text=message_of(report.without_values))

    return validate


def message_of(violations: Sequence[str]) -> str:
    """The service's message for at least one violation."""
    plural = "s" if len(violations) > 1 else ""
    return f"{len(violations)} validation error{plural} detected: {'; '.join(violations)}"


def _compile(shape: Shape, done: dict[str, _Walk | None]) -> _Walk | None:
    """The walk for a shape, None when nothing below it is constrained."""
    if shape.name not in done:
        match shape.kind:
            case Kind.STRUCTURE:
                done[shape.name] = _structure(shape, done)
            case Kind.LIST:
                done[shape.name] = _list(shape, done)
            case Kind.MAP:
                done[shape.name] = _map(shape, done)
            case _:
                done[shape.name] = _single(shape)
    return done[shape.name]


def _single(shape: Shape) -> _Walk | None:
    """The constraints on the value itself, one violation each."""
    constraints = [(constraint.holds, constraint.text) for constraint in _constraints(shape)]

    def walk(value: object, path: str, report: _Report) -> None:
        for holds, text in constraints:
            if not holds(value):
                report.add(value, shape, path, text)

    return walk if constraints else None


def _structure(shape: Shape, done: dict[str, _Walk | None]) -> _Walk | None:
    members = [
        (name, lower_camel(name), name in shape.required, child, _compile(child, done))
        for name, child in shape.members.items()
    ]
    checked = [member for member in members if member[2] or member[4] is not None]

    def walk(value: object, path: str, report: _Report) -> None:
        mapping: Any = value
        prefix = f"{path}." if path else ""
        for name, step, required, child, child_walk in checked:
            item = mapping.get(name)
            if item is not None:
                if child_walk is not None:
                    child_walk(item, prefix + step, report)
            elif required:
                report.add(None, child, prefix + step, _NOT_NULL)

    return walk if checked else None


def _list(shape: Shape, done: dict[str, _Walk | None]) -> _Walk:
    element = cast(Shape, shape.element)
    own, element_constraints, element_walk = _single(shape), _constraints(element), _compile(element, done)
    collapsed = f"Member must satisfy constraint: [{_texts(element_constraints)}]"
    inner_walk = None if _is_scalar(element) else element_walk
    scalar_checks = [constraint.holds for constraint in element_constraints] if _is_scalar(element) else []

    def walk(value: object, path: str, report: _Report) -> None:
        items = cast(Sequence[object], value)
        if own is not None:
            own(value, path, report)
        if scalar_checks and _any_breaks(items, scalar_checks):
            report.add(value, shape, path, collapsed)
        if inner_walk is None and (None not in items or shape.name in _NULLS_CHECKED_LATER):
            return
        for position, item in enumerate(items, start=1):
            if item is None:
                report.add(None, element, f"{path}.{position}.member", _NOT_NULL)
            elif inner_walk is not None:
                inner_walk(item, f"{path}.{position}.member", report)
            if report.full:
                return

    return walk


def _map(shape: Shape, done: dict[str, _Walk | None]) -> _Walk:
    element = cast(Shape, shape.element)
    own, element_walk = _single(shape), _compile(element, done)
    key_constraints, element_constraints = _constraints(cast(Shape, shape.key)), _constraints(element)
    inner_walk = None if _is_scalar(element) else element_walk
    key_checks = [constraint.holds for constraint in key_constraints]
    value_checks = [constraint.holds for constraint in element_constraints] if _is_scalar(element) else []

    def walk(value: object, path: str, report: _Report) -> None:
        entries = cast(Mapping[str, object], value)
        if own is not None:
            own(value, path, report)
        if _any_breaks(entries, key_checks):
            report.add(value, shape, path, f"Map keys must satisfy constraint: [{_texts(key_constraints)}]")
        if value_checks and _any_breaks(entries.values(), value_checks):
            report.add(value, shape, path, f"Map value must satisfy constraint: [{_texts(element_constraints)}]")
        for key, item in entries.items():
            if item is None:
                report.add(None, element, f"{path}.{key}.member", _NOT_NULL)
            elif inner_walk is not None:
                inner_walk(item, f"{path}.{key}.member", report)
            if report.full:
                return

    return walk


def _is_scalar(shape: Shape) -> bool:
    return shape.kind not in (Kind.STRUCTURE, Kind.LIST, Kind.MAP)


def _any_breaks(items: Iterable[object], checks: Sequence[Callable[[object], bool]]) -> bool:
    for holds in checks:
        for item in items:
            if item is not None and not holds(item):
                return True
    return False


def _texts(constraints: Sequence[_Constraint]) -> str:
    return ", ".join(constraint.text for constraint in constraints)


def _constraints(shape: Shape) -> list[_Constraint]:
    """What one value of the shape must satisfy, in the service's order: upper bound, lower bound, pattern, enum."""
    constraints: list[_Constraint] = []
    word = "value" if shape.kind in (Kind.INTEGER, Kind.LONG, Kind.FLOAT, Kind.DOUBLE) else "length"
    if shape.maximum is not None:
        text = f"Member must have {word} less than or equal to {shape.maximum}"
        constraints.append(_Constraint(_at_most(shape.maximum, word), text))
    if shape.minimum is not None:
        text = f"Member must have {word} greater than or equal to {shape.minimum}"
        constraints.append(_Constraint(_at_least(shape.minimum, word), text))
    if shape.pattern is not None:
        constraints.extend(_pattern(shape.pattern, shape))
    if shape.enum:
        text = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        constraints.append(_Constraint(frozenset[object](shape.enum).__contains__, text))
    return constraints


def _at_most(maximum: int, word: str) -> Callable[[object], bool]:
    if word == "value":
        return lambda value: value <= maximum  # type: ignore[operator]  # the parser has made it a number
    return lambda value: len(value) <= maximum  # type: ignore[arg-type]  # a string, a list or a map


def _at_least(minimum: int, word: str) -> Callable[[object], bool]:
    if word == "value":
        return lambda value: value >= minimum  # type: ignore[operator]  # the parser has made it a number
    return lambda value: len(value) >= minimum  # type: ignore[arg-type]  # a string, a list or a map


def _pattern(pattern: str, shape: Shape) -> list[_Constraint]:
    """The pattern as a constraint; it is not tried on strings far beyond the maximum, which are refused anyway."""
    try:
        compiled = compile_pattern(pattern)
    except ValueError:
        logger.warning("pattern not checked", extra={"shape": shape.name, "pattern": pattern}, exc_info=True)
        return []
    longest = 2 * shape.maximum if shape.maximum is not None else LONGEST_MATCHED
    fullmatch = compiled.fullmatch

    def holds(value: object) -> bool:
        text: Any = value
        return len(text) > longest or fullmatch(text) is not None

    return [_Constraint(holds, f"Member must satisfy regular expression pattern: {pattern}")]
