"""From a decoded JSON or CBOR document to a request of the model's types. Constraints are checked by `validation`.

Wrong types are refused with the texts of the service's own deserializer. Unknown members and nulls are dropped, as the
service does; a number for an integer is cut to a whole one within 32 bits.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from processing_emulator.aws.protocols.model import Kind, Shape
from processing_emulator.errors import InternalBug, MalformedBody

Parser = Callable[[object], object]
"""Turns a decoded value into a value of one shape. Raises MalformedBody."""

BITS = MappingProxyType({Kind.INTEGER: 31, Kind.LONG: 63})
"""A whole number is below 2 to this power, and not below its negative."""

_JAVA = {
    Kind.STRING: "a String",
    Kind.INTEGER: "an Integer",
    Kind.LONG: "a Long",
    Kind.FLOAT: "a Float",
    Kind.DOUBLE: "a Double",
    Kind.BOOLEAN: "a Boolean",
    Kind.TIMESTAMP: "milliseconds since epoch",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)


def compile_parser(shape: Shape) -> Parser:
    """A parser for values of `shape`."""
    return _compile(shape, {})


def _compile(shape: Shape, done: dict[str, Parser]) -> Parser:
    if shape.name not in done:
        done[shape.name] = _parser(shape, done)
    return done[shape.name]


def _parser(shape: Shape, done: dict[str, Parser]) -> Parser:
    match shape.kind:
        case Kind.STRUCTURE:
            return _structure({name: _compile(member, done) for name, member in shape.members.items()})
        case Kind.LIST:
            return _list(_compile(_child(shape.element, shape), done))
        case Kind.MAP:
            return _map(_compile(_child(shape.key, shape), done), _compile(_child(shape.element, shape), done))
        case Kind.STRING:
            return _string
        case Kind.INTEGER | Kind.LONG:
            return _integer(shape.kind)
        case Kind.FLOAT | Kind.DOUBLE:
            return _float(shape.kind)
        case Kind.BOOLEAN:
            return _boolean
        case Kind.TIMESTAMP:
            return _timestamp


def _child(child: Shape | None, shape: Shape) -> Shape:
    if child is None:
        raise InternalBug(f"shape {shape.name} lacks its key or element")
    return child


def _structure(members: Mapping[str, Parser]) -> Parser:
    def parse(value: object) -> object:
        if type(value) is not dict:
            raise _unexpected(value, "Expected null")
        return {name: members[name](item) for name, item in value.items() if item is not None and name in members}

    return parse


def _list(element: Parser) -> Parser:
    def parse(value: object) -> object:
        if type(value) is not list:
            raise _unexpected(value, "Expected list or null")
        return [None if item is None else element(item) for item in value]

    return parse


def _map(key: Parser, element: Parser) -> Parser:
    def parse(value: object) -> object:
        if type(value) is not dict:
            raise _unexpected(value, "Expected map or null")
        return {key(name): None if item is None else element(item) for name, item in value.items()}

    return parse


def _string(value: object) -> object:
    if type(value) is not str:
        raise _unconvertible(value, Kind.STRING)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise MalformedBody("A string has half of a surrogate pair") from error
    return value


def _integer(kind: Kind) -> Parser:
    limit = 1 << BITS[kind]

    def parse(value: object) -> object:
        if type(value) is float and math.isinf(value):
            return limit - 1 if value > 0 else -limit
        if type(value) is int or (type(value) is float and not math.isnan(value)):
            return max(-limit, min(limit - 1, int(value)))
        raise _unconvertible(value, kind)

    return parse


def _float(kind: Kind) -> Parser:
    def parse(value: object) -> object:
        if type(value) is int or type(value) is float:
            return _as_float(value)
        raise _unconvertible(value, kind)

    return parse


def _boolean(value: object) -> object:
    if type(value) is not bool:
        raise _unconvertible(value, Kind.BOOLEAN)
    return value


def _timestamp(value: object) -> object:
    """Seconds since the epoch, or a moment as CBOR has it, kept to the millisecond; bounded by the calendar's ends."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.timestamp()
    if type(value) is not int and type(value) is not float:
        raise _unconvertible(value, Kind.TIMESTAMP)
    seconds = _as_float(value)
    if math.isnan(seconds):
        raise _unconvertible(value, Kind.TIMESTAMP)
    try:
        moment = _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except OverflowError:
        return _LATEST if seconds > 0 else _EARLIEST
    return max(_EARLIEST, min(_LATEST, moment))


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _unconvertible(value: object, kind: Kind) -> MalformedBody:
    token = {str: "STRING_VALUE", bool: "TRUE_VALUE" if value else "FALSE_VALUE"}.get(type(value), "NUMBER_VALUE")
    return _unexpected(value, f"{token} can not be converted to {_JAVA[kind]}")


def _unexpected(value: object, scalar_text: str) -> MalformedBody:
    if type(value) is list:
        return MalformedBody("Start of list found where not expected")
    if type(value) is dict:
        return MalformedBody("Start of structure or map found where not expected.")
    return MalformedBody(scalar_text)
