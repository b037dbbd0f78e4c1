"""From the bytes of a JSON request to a valid request of one operation."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from emulator.aws.model import Shape
from emulator.aws.parsing import compile_parser, decode_json
from emulator.aws.plain import compile_plain
from emulator.aws.validation import compile_validator
from emulator.errors import MalformedBody

Reader = Callable[[bytes], Mapping[str, Any]]
"""Raises MalformedBody, ValidationFailed."""


def compile_reader(shape: Shape) -> Reader:
    """A reader of requests of `shape`. The exact way is left to those that are not plainly valid."""
    is_plain, parse, validate = compile_plain(shape), compile_parser(shape), compile_validator(shape)

    def read(body: bytes) -> Mapping[str, Any]:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return read_exactly(body)
        return document if is_plain(document) else read_exactly(body)

    def read_exactly(body: bytes) -> Mapping[str, Any]:
        document = decode_json(body)
        if not isinstance(document, dict | list):
            raise MalformedBody("The body is not a JSON object")
        request = cast(dict[str, Any], parse(document))
        validate(request)
        return request

    return read
