"""Smithy's RPC v2 CBOR protocol: `POST /service/{name}/operation/{operation}`, request and reply are CBOR maps.

Newer SDKs speak it with services whose models list `smithy-rpc-v2-cbor`, such as CloudWatch. A service is named by its
target prefix, as in the JSON protocols.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, cast

from processing_emulator.aws.protocols.codec import Address, Chunks, Decoder, Reply, ServiceKey, WireRequest
from processing_emulator.aws.protocols.document_parser import compile_parser
from processing_emulator.aws.protocols.event_stream import EVENT_STREAM_TYPE, encoded, stream_in
from processing_emulator.aws.protocols.model import OperationModel, Shape
from processing_emulator.aws.protocols.wire_errors import GAPS_PAGE, ErrorForm, ErrorForms, WireError, not_routed
from processing_emulator.errors import MalformedBody, UnknownOperation

DEEPEST: Final = 256
"""Levels of nesting that are decoded, as for JSON."""

_PATH: Final = re.compile(r".*/service/([^/]+)/operation/([^/]+)", re.DOTALL)
_PROTOCOL: Final = (b"smithy-protocol", b"rpc-v2-cbor")
_MEDIA_TYPE: Final = "application/cbor"


class CborCodec:
    """See the module."""

    error_forms: ErrorForms = MappingProxyType({UnknownOperation: ErrorForm("UnknownOperationException", status=404)})

    def address(self, request: WireRequest) -> Address:
        """The path names service and operation."""
        match = _PATH.fullmatch(request.path)
        if match is None or request.method != "POST":
            raise not_routed(f"{request.path[:255]} is not POST /service/NAME/operation/OPERATION; see {GAPS_PAGE}")
        return Address(ServiceKey.TARGET_PREFIX, match[1], match[2])

    def decoder(self, shape: Shape) -> Decoder:
        """Decode CBOR, then parse it by the shape. An operation without members may be called without a body."""
        parse = compile_parser(shape)

        def decode(request: WireRequest) -> dict[str, Any]:
            document = decode_cbor(request.body) if request.body else {}
            if not isinstance(document, dict):
                raise MalformedBody("The body is not a CBOR map")
            return cast(dict[str, Any], parse(document))

        return decode

    def encode(self, _operation: OperationModel, reply: Mapping[str, object] | None, _request_id: str, /) -> Reply:
        """A CBOR map; empty for an operation without output."""
        if (stream := stream_in(reply)) is not None:
            chunks = Chunks(encoded(stream, encode_cbor, _MEDIA_TYPE), stream.interval_seconds)
            return Reply(media_type=EVENT_STREAM_TYPE, headers=(_PROTOCOL,), chunks=chunks)
        return Reply(body=encode_cbor(reply or {}), media_type=_MEDIA_TYPE, headers=(_PROTOCOL,))

    def encode_error(self, error: WireError, _request_id: str, /) -> Reply:
        """A map of `__type` and the message."""
        headers = (_PROTOCOL, *error.query_headers)
        return Reply(error.status, encode_cbor(error.document), _MEDIA_TYPE, headers)


def decode_cbor(body: bytes) -> object:
    """The value of a body. Raises MalformedBody, whatever the bytes are."""
    import cbor2  # imported by the first request that needs it

    try:
        return cbor2.loads(body, max_depth=DEEPEST, strict_hashable_types=True)
    except cbor2.CBORDecodeError as error:
        raise MalformedBody(f"The body is not CBOR: {type(error).__name__}") from error


def encode_cbor(document: Mapping[str, object]) -> bytes:
    """The bytes of a reply; moments as seconds since the epoch, with the tag that says so."""
    import cbor2

    return cbor2.dumps(document, datetime_as_timestamp=True)
