"""From the bytes of a JSON request to a valid request: decode, parse by shape, validate by the model."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from processing_emulator.aws.protocols.json_requests import compile_parser, decode_json
from processing_emulator.aws.protocols.model import Shape
from processing_emulator.aws.protocols.validation import compile_validator
from processing_emulator.errors import MalformedBody

Reader = Callable[[bytes], Mapping[str, Any]]
"""Raises MalformedBody, ValidationFailed."""


def compile_reader(shape: Shape) -> Reader:
    """A reader of requests of `shape`."""
    parse, validate = compile_parser(shape), compile_validator(shape)

    def read(body: bytes) -> Mapping[str, Any]:
        document = decode_json(body)
        if not isinstance(document, dict | list):
            raise MalformedBody("The body is not a JSON object")
        request = cast(dict[str, Any], parse(document))
        validate(request)
        return request

    return read
