"""Values made from the service model: any valid ones, smallest ones, and ones just inside and outside a constraint."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.aws.protocols.pattern import compile_pattern

_SECONDS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  bounds are naive


_SEEDS = (
    "a",
    "s3://b/k",
    "arn:aws:iam::000000000000:role/r",
    "arn:aws:sagemaker:us-east-1:000000000000:processing-job/j",
    "000000000000",
)
"""One of these, or one of these with its last character repeated, matches every pattern of the model."""


_ONE_CLASS = re.compile(r"(\[[^\[\]]+\])[*+]")
"""Patterns that allow certain characters, and nothing else."""


def values(shape: Shape, *, whole_seconds: bool) -> st.SearchStrategy[Any]:
    """Any valid value of a shape; moments are whole seconds or milliseconds."""
    low, high = shape.minimum or 0, shape.maximum
    match shape.kind:
        case Kind.STRUCTURE:
            members = {name: values(m, whole_seconds=whole_seconds) for name, m in shape.members.items()}
            return st.fixed_dictionaries(
                {name: members[name] for name in shape.required},
                optional={name: member for name, member in members.items() if name not in shape.required},
            )
        case Kind.LIST:
            assert shape.element is not None
            most = min(high or 3, max(low, 3))
            return st.lists(values(shape.element, whole_seconds=whole_seconds), min_size=low, max_size=most)
        case Kind.MAP:
            assert shape.element is not None
            assert shape.key is not None
            element = values(shape.element, whole_seconds=whole_seconds)
            return st.dictionaries(values(shape.key, whole_seconds=whole_seconds), element, max_size=3)
        case Kind.STRING:
            return _strings(shape)
        case Kind.BOOLEAN:
            return st.booleans()
        case Kind.TIMESTAMP:
            step = 1_000_000 if whole_seconds else 1000
            return _SECONDS.map(lambda at: at.replace(microsecond=at.microsecond // step * step))
        case _:
            return st.integers(shape.minimum or 0, shape.maximum or 2**31 - 1)


def _strings(shape: Shape) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    if shape.pattern is None:
        return st.text(st.characters(codec="utf-8"), min_size=shape.minimum or 0, max_size=shape.maximum)
    one = _ONE_CLASS.fullmatch(shape.pattern)
    if one is not None and (shape.minimum or 0) > 1:  # long enough texts are too rare among those of a pattern
        character = st.from_regex(compile_pattern(one[1]), fullmatch=True)
        most = min(shape.maximum or 10**6, (shape.minimum or 0) + 10)
        return st.lists(character, min_size=shape.minimum or 0, max_size=most).map("".join)
    fitting = st.from_regex(compile_pattern(shape.pattern), fullmatch=True)
    return fitting.filter(lambda text: (shape.minimum or 0) <= len(text) <= (shape.maximum or 10**6))


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place in a request. `steps`: names of members, 0 for a list's element, `key` and `value` for a map's."""

    steps: tuple[str | int, ...]
    shape: Shape

    def __str__(self) -> str:
        return ".".join(str(step) for step in self.steps)


def sites(shape: Shape, steps: tuple[str | int, ...] = ()) -> Iterator[Site]:
    """The shape itself and every place below it."""
    yield Site(steps=steps, shape=shape)
    for name, member in shape.members.items():
        yield from sites(member, (*steps, name))
    if shape.kind is Kind.LIST and shape.element is not None:
        yield from sites(shape.element, (*steps, 0))
    if shape.kind is Kind.MAP and shape.element is not None and shape.key is not None:
        yield from sites(shape.key, (*steps, "key"))
        yield from sites(shape.element, (*steps, "value"))


def placed(shape: Shape, steps: tuple[str | int, ...], value: object) -> Any:
    """The smallest valid value of `shape`, but with `value` at `steps`."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if shape.kind is Kind.LIST and shape.element is not None:
        others = [smallest(shape.element) for _ in range(1, shape.minimum or 0)]
        return [placed(shape.element, rest, value), *others]
    if shape.kind is Kind.MAP and shape.element is not None and shape.key is not None:
        return {value: smallest(shape.element)} if step == "key" else {smallest(shape.key): value}
    name = str(step)
    return {**smallest(shape), name: placed(shape.members[name], rest, value)}


def smallest(shape: Shape) -> Any:
    """A valid value with nothing in it that is not required."""
    match shape.kind:
        case Kind.STRUCTURE:
            return {name: smallest(member) for name, member in shape.members.items() if name in shape.required}
        case Kind.LIST:
            return [smallest(shape.element) for _ in range(shape.minimum or 0)] if shape.element else []
        case Kind.MAP:
            return {}
        case Kind.STRING:
            return _smallest_string(shape.pattern, shape.minimum or 0, shape.enum)
        case Kind.BOOLEAN:
            return False
        case Kind.TIMESTAMP:
            return 0
        case _:
            return shape.minimum or 0


def _smallest_string(pattern: str | None, minimum: int, enum: tuple[str, ...]) -> str:
    if enum:
        return enum[0]
    compiled = compile_pattern(pattern or r"[\S\s]*")
    grown = (seed + seed[-1] * (minimum - len(seed)) for seed in _SEEDS)
    return next(text for text in grown if compiled.fullmatch(text))


def string_of_length(shape: Shape, length: int) -> str | None:
    """A string of exactly that length that breaks nothing but the length's bounds, if there is one."""
    if length == 0:
        text = ""
    else:
        seed = _smallest_string(shape.pattern, 1, ())
        text = seed + seed[-1] * (length - len(seed))
    if len(text) != length or (shape.pattern is not None and not compile_pattern(shape.pattern).fullmatch(text)):
        return None
    return text


def string_against_pattern(shape: Shape) -> str | None:
    """A string within the length's bounds that the pattern does not match, if there is one."""
    assert shape.pattern is not None
    seed: str = smallest(replace(shape, minimum=max(1, shape.minimum or 0)))
    odd = ("\n", "\0", "_", "!", "\u20ac", "\ufffe")
    candidates = (text for character in odd for text in (seed[:-1] + character, character * len(seed)))
    pattern = compile_pattern(shape.pattern)
    return next((text for text in candidates if not pattern.fullmatch(text)), None)
