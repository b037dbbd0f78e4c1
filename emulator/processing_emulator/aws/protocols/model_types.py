"""The model's shapes as types of msgspec, whose decoder checks a request while it reads it.

A type accepts only what `parsing` would return as it stands, unknown members apart, and what `validation` would let
pass. What it refuses may yet be valid: those two have to look.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Required, TypedDict, cast

import msgspec

from processing_emulator.aws.protocols.json_requests import BITS
from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.aws.protocols.narrowing import Narrowing
from processing_emulator.aws.protocols.pattern import compile_quick_pattern
from processing_emulator.aws.protocols.validation import LONGEST_MATCHED

_ANY_TEXT = frozenset({r"[\s\S]*", r"[\S\s]*"})
_ANY_LINE = ".*"

_annotated: Any = Annotated
_dict: Any = dict
_list: Any = list
_literal: Any = Literal
_required: Any = Required
_typed_dict: Any = TypedDict
"""Type checkers know these as types only; here they make some from what the model says."""

_NEVER = _annotated[str, msgspec.Meta(min_length=1, max_length=0)]
"""No value is of this type."""


def compile_decoder(shape: Shape, narrowing: Narrowing | None = None) -> Callable[[bytes], Any]:
    """A decoder of JSON whose strings have no line ends, which then need not be looked for. Raises DecodeError."""
    return msgspec.json.Decoder(_Types(one_line=True, narrowing=narrowing).type_of(shape)).decode


def compile_converter(shape: Shape) -> Callable[[Any], Any]:
    """The same for the value that another decoder made of JSON. Raises ValidationError, which is a DecodeError."""
    target = _Types(one_line=False).type_of(shape)
    return lambda document: msgspec.convert(document, target)


class _Types:
    """The types made so far, by their places. `one_line`: no string has a line end in it."""

    def __init__(self, *, one_line: bool, narrowing: Narrowing | None = None) -> None:
        self._any_text = _ANY_TEXT | {_ANY_LINE} if one_line else _ANY_TEXT
        self._narrowing = narrowing
        self._made: dict[tuple[str, str], Any] = {}

    def type_of(self, shape: Shape, path: str = "") -> Any:
        """The type of the values of `shape` at a path."""
        place = shape.name, path if self._narrowing else ""
        if place not in self._made:
            self._made[place] = self._make(shape, path)
        return self._made[place]

    def _make(self, shape: Shape, path: str) -> Any:
        match shape.kind:
            case Kind.STRUCTURE:
                return self._structure(shape, path)
            case Kind.LIST:
                return _with_length(_list[self.type_of(cast(Shape, shape.element), path)], shape)
            case Kind.MAP:
                key, element = (
                    self.type_of(cast(Shape, shape.key), path),
                    self.type_of(cast(Shape, shape.element), path),
                )
                return _with_length(_dict[key, element], shape)
            case Kind.STRING:
                return self._one_of(shape, path) if shape.enum else self._string(shape, path)
            case Kind.INTEGER | Kind.LONG:
                return self._whole_number(shape, path)
            case Kind.BOOLEAN:
                return bool
            case Kind.FLOAT | Kind.DOUBLE | Kind.TIMESTAMP:
                return _NEVER  # rare, and moments are never as they came

    def _structure(self, shape: Shape, path: str) -> Any:
        members = {name: self._member(member, f"{path}.{name}".lstrip(".")) for name, member in shape.members.items()}
        needed = {name: _required[member] if name in shape.required else member for name, member in members.items()}
        return _typed_dict(shape.name, needed, total=False)

    def _member(self, shape: Shape, path: str) -> Any:
        return _NEVER if self._narrowing and path not in self._narrowing.members else self.type_of(shape, path)

    def _string(self, shape: Shape, path: str) -> Any:
        beginning = self._narrowing.only_beginnings.get(path, "") if self._narrowing else ""
        if not beginning and (shape.pattern is None or shape.pattern in self._any_text):
            return _with_length(str, shape)
        longest = LONGEST_MATCHED if shape.maximum is None else min(shape.maximum, LONGEST_MATCHED)
        try:
            pattern = compile_quick_pattern(shape.pattern or r"[\s\S]*", longest).pattern
        except ValueError:  # validation lets pass what it cannot check, and says so in the log
            return _NEVER
        anchored = rf"^{f'(?={beginning})' if beginning else ''}(?:{pattern})\Z"  # msgspec searches
        return _annotated[str, msgspec.Meta(min_length=shape.minimum, max_length=longest, pattern=anchored)]

    def _one_of(self, shape: Shape, path: str) -> Any:
        """A choice; one whose values are constrained further, as none of the model's is, is left to validation."""
        if shape.pattern is not None or shape.minimum is not None or shape.maximum is not None:
            return _NEVER
        refused = self._narrowing.refused_values.get(path, ()) if self._narrowing else ()
        return _literal[tuple(value for value in shape.enum if value not in refused)]

    def _whole_number(self, shape: Shape, path: str) -> Any:
        limit = 1 << BITS[shape.kind]
        low = -limit if shape.minimum is None else max(-limit, shape.minimum)
        high = limit - 1 if shape.maximum is None else min(limit - 1, shape.maximum)
        only = self._narrowing.only_values.get(path) if self._narrowing else None
        if only is not None:
            return _literal[only] if low <= only <= high else _NEVER
        return _annotated[int, msgspec.Meta(ge=low, le=high)]


def _with_length(plain: Any, shape: Shape) -> Any:
    if shape.minimum is None and shape.maximum is None:
        return plain
    return _annotated[plain, msgspec.Meta(min_length=shape.minimum, max_length=shape.maximum)]
