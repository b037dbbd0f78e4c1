"""Replies of the query protocol: XML by the shape of an operation's output."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from processing_emulator.aws.protocols.model import Kind, OperationModel, Shape
from processing_emulator.aws.protocols.xml_text import xml_text


def query_document(model: OperationModel, reply: Mapping[str, object], request_id: str) -> bytes:
    """The whole document: `<OpResponse><OpResult>...</OpResult><ResponseMetadata>...`."""
    result = "".join(_members(reply, model.output)) if model.output is not None else ""
    wrapped = f"<{model.result_wrapper}>{result}</{model.result_wrapper}>" if model.result_wrapper else result
    return (
        f'<{model.name}Response xmlns="{xml_text(model.xml_namespace)}">{wrapped}'
        f"<ResponseMetadata><RequestId>{xml_text(request_id)}</RequestId></ResponseMetadata></{model.name}Response>"
    ).encode()


def _members(value: Mapping[str, object], shape: Shape) -> Iterator[str]:
    for name, member in shape.members.items():
        item = value.get(name)
        if item is not None:
            yield from _element(name, item, member)


def _element(name: str, value: object, shape: Shape) -> Iterator[str]:
    yield f"<{name}>"
    match shape.kind:
        case Kind.STRUCTURE:
            yield from _members(cast(Mapping[str, object], value), shape)
        case Kind.LIST:
            for item in cast(Sequence[object], value):
                yield from _element("member", item, cast(Shape, shape.element))
        case Kind.MAP:
            for key, item in cast(Mapping[str, object], value).items():
                yield "<entry>"
                yield from _element("key", key, cast(Shape, shape.key))
                yield from _element("value", item, cast(Shape, shape.element))
                yield "</entry>"
        case _:
            yield xml_text(_text(value))
    yield f"</{name}>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return moment.strftime(
            "%Y-%m-%dT%H:%M:%S" + (f".{moment.microsecond // 1000:03d}Z" if moment.microsecond else "Z")
        )
    return str(value)
