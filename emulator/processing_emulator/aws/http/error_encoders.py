"""Errors in the form of each wire protocol."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from processing_emulator.aws.http.reply import rest_error, s3_error
from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.protocols.cbor_codec import CborCodec
from processing_emulator.aws.protocols.codec import Codec, Reply
from processing_emulator.aws.protocols.json_codec import JsonCodec
from processing_emulator.aws.protocols.query_codec import QueryCodec
from processing_emulator.aws.protocols.wire_errors import WireError, wire_error
from processing_emulator.errors import RequestError

CODECS: Final[Mapping[Protocol, Codec]] = MappingProxyType(
    {Protocol.JSON: JsonCodec(), Protocol.QUERY: QueryCodec(), Protocol.RPC_CBOR: CborCodec()}
)
"""The protocols whose operations are served here."""

_Encoder: TypeAlias = Callable[[WireError, str], Reply]
_OTHERS: Final[Mapping[Protocol, _Encoder]] = MappingProxyType({Protocol.S3: s3_error, Protocol.REST: rest_error})


def encode_error(protocol: Protocol, error: RequestError, request_id: str) -> Reply:
    """The reply that refuses a request; that of the emulator's own endpoints is JSON."""
    if protocol in _OTHERS:
        return _OTHERS[protocol](wire_error(error), request_id)
    codec = CODECS.get(protocol, CODECS[Protocol.JSON])
    return codec.encode_error(wire_error(error, codec.error_forms), request_id)
