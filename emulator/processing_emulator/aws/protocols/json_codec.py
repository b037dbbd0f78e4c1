"""The AWS JSON protocols 1.0 and 1.1: the operation is in X-Amz-Target, request and reply are JSON documents."""

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final, NoReturn, cast

from processing_emulator.aws.protocols.codec import Address, Chunks, Decoder, Reply, ServiceKey, WireRequest
from processing_emulator.aws.protocols.document_parser import compile_parser
from processing_emulator.aws.protocols.event_stream import EVENT_STREAM_TYPE, encoded, stream_in
from processing_emulator.aws.protocols.json_responses import encode_json
from processing_emulator.aws.protocols.model import OperationModel, Shape
from processing_emulator.aws.protocols.wire_errors import GAPS_PAGE, ErrorForms, WireError, not_routed
from processing_emulator.errors import MalformedBody

JSON_1_1: Final = "application/x-amz-json-1.1"
_JSON_TYPES: Final = frozenset({JSON_1_1, "application/x-amz-json-1.0", "application/json"})
_EVENT_TYPE: Final = "application/json"

DEEPEST = 256
"""Levels of nesting that the decoder may follow on Python's stack, which holds a thousand calls: the garbage collector
may run finalizers at the deepest of them.
"""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))


class JsonCodec:
    """See the module."""

    error_forms: ErrorForms = MappingProxyType({})

    def address(self, request: WireRequest) -> Address:
        """The target is `Prefix.Operation`; it is read only from a POST of JSON."""
        target = request.headers.get(b"x-amz-target", "")
        content_type = request.headers.get(b"content-type", "").partition(";")[0].strip().lower()
        if request.method != "POST" or content_type not in _JSON_TYPES:
            raise not_routed(f"{target[:255]} must be a POST with Content-Type {JSON_1_1}; see {GAPS_PAGE}")
        prefix, _, operation = target.rpartition(".")
        return Address(ServiceKey.TARGET_PREFIX, prefix, operation)

    def decoder(self, shape: Shape) -> Decoder:
        """Decode JSON, then parse it by the shape."""
        parse = compile_parser(shape)

        def decode(request: WireRequest) -> dict[str, Any]:
            document = decode_json(request.body)
            if not isinstance(document, dict | list):
                raise MalformedBody("The body is not a JSON object")
            return cast(dict[str, Any], parse(document))

        return decode

    def encode(self, _operation: OperationModel, reply: Mapping[str, object] | None, _request_id: str, /) -> Reply:
        """A JSON object, or nothing; where the reply has an event stream, its events as JSON."""
        if (stream := stream_in(reply)) is not None:
            chunks = Chunks(encoded(stream, encode_json, _EVENT_TYPE), stream.interval_seconds)
            return Reply(media_type=EVENT_STREAM_TYPE, chunks=chunks)
        return Reply(body=b"" if reply is None else encode_json(reply), media_type=JSON_1_1)

    def encode_error(self, error: WireError, _request_id: str, /) -> Reply:
        """`{"__type": code, "message": text}`."""
        return Reply(error.status, encode_json(error.document), JSON_1_1, error.query_headers)


def decode_json(body: bytes) -> object:
    """The JSON value of a body. Raises MalformedBody, whatever the bytes are."""
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(body) > DEEPEST:
        raise MalformedBody("The body is nested too deeply")
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except ValueError as error:  # bad UTF-8, bad JSON, a number of thousands of digits
        raise MalformedBody(f"The body is not JSON: {type(error).__name__}") from error


def _depth(body: bytes) -> int:
    """How deep a body is nested, or would be if it were JSON."""
    brackets = _STRING.sub(b"", body).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
