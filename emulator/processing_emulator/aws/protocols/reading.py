"""From the bytes of a JSON request to a valid request of one operation.

Nearly every request holds members of the right types only and breaks no constraint. msgspec reads and checks those
with types made from the model; all others are read again by `parsing` and `validation`, which take their time to be
exact and alone write the texts.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, cast

import orjson

from processing_emulator.aws.protocols.json_requests import DEEPEST, compile_parser, decode_json, may_be_deeper
from processing_emulator.aws.protocols.model import Shape
from processing_emulator.aws.protocols.narrowing import Narrowing
from processing_emulator.aws.protocols.validation import compile_validator
from processing_emulator.errors import MalformedBody


class Reading(NamedTuple):
    """A valid request. `is_plain`: no string of it has a NUL, and the narrowing of its reader lets it pass."""

    request: Mapping[str, Any]
    is_plain: bool


Reader = Callable[[bytes], Reading]
"""Raises MalformedBody, ValidationFailed."""

QuickReader = Callable[[bytes], Reading | None]
"""The request as the exact way has it, or None if only that can tell."""

_SHORT = 2048
"""Too short for what msgspec skips in unknown members and the exact way refuses: whole numbers of more than 4,300
digits."""


def compile_reader(shape: Shape, narrowing: Narrowing | None = None) -> Reader:
    """A reader of requests of `shape`. The exact way is left to those that are not plainly valid."""
    parse, validate = compile_parser(shape), compile_validator(shape)

    @cache
    def quick_reader() -> QuickReader:
        return compile_quick_reader(shape, narrowing)

    def read(body: bytes) -> Reading:
        return quick_reader()(body) or read_exactly(body)

    def read_exactly(body: bytes) -> Reading:
        document = decode_json(body)
        if not isinstance(document, dict | list):
            raise MalformedBody("The body is not a JSON object")
        request = cast(dict[str, Any], parse(document))
        validate(request)
        return Reading(request, is_plain=False)

    return read


def compile_quick_reader(shape: Shape, narrowing: Narrowing | None = None) -> QuickReader:
    """Made by msgspec: straight from the bytes when they are few and plain, else from the value orjson makes of them.

    In ASCII without escapes no string has a line end, half of a surrogate pair or bytes that are not UTF-8.
    """
    from msgspec import DecodeError  # takes 20 ms to import: the first request waits for it, the start does not

    from processing_emulator.aws.protocols.model_types import compile_converter, compile_decoder

    decode, convert = compile_decoder(shape, narrowing), compile_converter(shape)

    def read(body: bytes) -> Reading | None:
        is_plain = _is_plain(body)
        try:
            return Reading(decode(body) if is_plain else convert(orjson.loads(body)), is_plain)
        except (DecodeError, orjson.JSONDecodeError):
            return None

    return read


def _is_plain(body: bytes) -> bool:
    return len(body) <= _SHORT and body.isascii() and b"\\" not in body and not may_be_deeper(body, DEEPEST)
