"""From the form of a query request to a request of the model's types: `Tags.member.1.Key=a` and the like.

Constraints are `validation`'s business. Unknown parameters are as good as absent.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.errors import InternalBug, MalformedBody

FORM_FIELDS_LIMIT = 50_000
"""A request of CloudWatch with 1,000 data has some 20,000."""

_BITS = {Kind.INTEGER: 31, Kind.LONG: 63}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_LONGEST_NUMBER = 40
_BOOLEANS = {"true": True, "false": False}


@dataclass(slots=True)
class Node:
    """What a form says at one place: a text, and what lies below, by name."""

    text: str | None = None
    below: dict[str, "Node"] = field(default_factory=dict)


_Reader = Callable[[Node], object]
"""Reads a value of one shape; None when the form has none. Raises MalformedBody."""


def read_form(body: bytes) -> Mapping[str, str]:
    """The fields of a form; of repeated ones the last. Raises MalformedBody."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS_LIMIT, errors="strict"
        )
    except ValueError as error:  # not ASCII, not UTF-8 below the percent signs, or too many fields
        raise MalformedBody(f"The body is not a form: {type(error).__name__}") from error
    return dict(pairs)


def compile_form_parser(shape: Shape) -> Callable[[Mapping[str, str]], dict[str, Any]]:
    """A function from the fields of a form to a request of this structure."""
    read = _structure(shape)

    def parse(form: Mapping[str, str]) -> dict[str, Any]:
        return cast(dict[str, Any], read(_tree(form)) or {})

    return parse


def _tree(form: Mapping[str, str]) -> Node:
    root = Node()
    for name, text in form.items():
        node = root
        for step in name.split("."):
            node = node.below.setdefault(step, Node())
        node.text = text
    return root


def _reader(shape: Shape) -> _Reader:
    match shape.kind:
        case Kind.STRUCTURE:
            return _structure(shape)
        case Kind.LIST:
            return _list(_reader(_child(shape.element, shape)))
        case Kind.MAP:
            return _map(_reader(_child(shape.key, shape)), _reader(_child(shape.element, shape)))
        case _:
            return _scalar(shape.kind)


def _child(child: Shape | None, shape: Shape) -> Shape:
    if child is None:
        raise InternalBug(f"shape {shape.name} lacks its key or element")
    return child


def _structure(shape: Shape) -> _Reader:
    members = {name: _reader(member) for name, member in shape.members.items()}

    def read(node: Node) -> object:
        found = {name: members[name](child) for name, child in node.below.items() if name in members}
        return {name: value for name, value in found.items() if value is not None}

    return read


def _list(element: _Reader) -> _Reader:
    def read(node: Node) -> object:
        if node.text == "" and not node.below:
            return []  # how clients send an empty list
        return [element(child) for child in _numbered(node.below.get("member"))]

    return read


def _map(key: _Reader, element: _Reader) -> _Reader:
    def read(node: Node) -> object:
        entries: dict[object, object] = {}
        for entry in _numbered(node.below.get("entry")):
            name = entry.below.get("key")
            if name is None:
                raise MalformedBody("An entry of a map has no key")
            value = entry.below.get("value")
            entries[key(name)] = None if value is None else element(value)
        return entries

    return read


def _numbered(node: Node | None) -> list[Node]:
    """The children `1`, `2` and so on in order; gaps are closed."""
    if node is None:
        return []
    numbers = [name for name in node.below if name.isascii() and name.isdecimal() and len(name) <= len("1000")]
    return [node.below[name] for name in sorted(numbers, key=int)]


def _scalar(kind: Kind) -> _Reader:
    convert = _converter(kind)

    def read(node: Node) -> object:
        if node.text is None:
            return None
        try:
            return convert(node.text)
        except (ValueError, KeyError, OverflowError) as error:
            article = "an" if kind is Kind.INTEGER else "a"
            raise MalformedBody(f"{node.text[:128]!r} is not {article} {kind.value}") from error

    return read


def _converter(kind: Kind) -> Callable[[str], object]:
    match kind:
        case Kind.BOOLEAN:
            return _BOOLEANS.__getitem__
        case Kind.TIMESTAMP:
            return _moment
        case Kind.FLOAT | Kind.DOUBLE:
            return float
        case Kind.INTEGER | Kind.LONG:
            return _whole(kind)
        case _:
            return str


def _whole(kind: Kind) -> Callable[[str], int]:
    limit = 1 << _BITS[kind]

    def convert(text: str) -> int:
        if not _WHOLE.fullmatch(text):  # Python's own reading takes underscores, blanks and the digits of all scripts
            raise ValueError(text)
        number = int(text) if len(text) <= _LONGEST_NUMBER else limit
        if not -limit <= number < limit:
            raise ValueError(text)
        return number

    return convert


def _moment(text: str) -> datetime:
    """ISO 8601, or seconds since the epoch."""
    if text.replace(".", "", 1).isdecimal():
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
