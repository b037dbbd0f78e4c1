"""Values as the service prints them in its validation texts: the way Java's `toString` does."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from processing_emulator.aws.protocols.model import Kind, Shape

PRINT_LIMIT = 32_768
"""Most characters of one value in a message; a request may hold much more than anybody wants to read back."""


def lower_camel(name: str) -> str:
    """A member's name as the service writes it in paths and values."""
    return name[:1].lower() + name[1:]


def java_text(value: object, shape: Shape) -> str:
    """`[a, b]` for lists, `{k=v}` for maps, `Name(member=value, other=null)` for structures; cut at PRINT_LIMIT."""
    parts: list[str] = []
    size = 0
    for part in _parts(value, shape):
        parts.append(part[: PRINT_LIMIT - size])
        size += len(part)
        if size > PRINT_LIMIT:
            parts.append("...")
            break
    return "".join(parts)


def _parts(value: object, shape: Shape) -> Iterator[str]:
    if value is None:
        yield "null"
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, datetime):
        yield value.isoformat()
    elif shape.kind is Kind.STRUCTURE and isinstance(value, Mapping):
        yield from _structure(value, shape)
    elif shape.kind is Kind.MAP and isinstance(value, Mapping) and shape.element is not None:
        yield from _map(value, shape.element)
    elif shape.kind is Kind.LIST and isinstance(value, Sequence) and shape.element is not None:
        yield from _list(value, shape.element)
    else:
        yield str(value)


def _structure(value: Mapping[str, object], shape: Shape) -> Iterator[str]:
    yield f"{shape.name}("
    for index, (name, member) in enumerate(shape.members.items()):
        yield f"{', ' if index else ''}{lower_camel(name)}="
        yield from _parts(value.get(name), member)
    yield ")"


def _map(value: Mapping[str, object], element: Shape) -> Iterator[str]:
    yield "{"
    for index, (name, item) in enumerate(value.items()):
        yield f"{', ' if index else ''}{name}="
        yield from _parts(item, element)
    yield "}"


def _list(value: Sequence[object], element: Shape) -> Iterator[str]:
    yield "["
    for index, item in enumerate(value):
        if index:
            yield ", "
        yield from _parts(item, element)
    yield "]"
