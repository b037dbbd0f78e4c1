"""What each protocol answers to a request whose signature is not right: the services' own codes, texts and statuses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.signatures.parsing import Flaw

_INVALID_TOKEN: Final = "The security token included in the request is invalid."  # noqa: S105  # a text
_EXPIRED_TOKEN: Final = "The security token included in the request is expired"  # noqa: S105  # a text
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_UNSIGNED: Final = "The signature does not cover these headers of the request: "
_UNSUPPORTED: Final = "The request must be signed with AWS4-HMAC-SHA256."

_Answers = Mapping[Flaw, tuple[str, int, str]]
"""Code, status and text; the detail of the verdict follows a text that is empty or ends in a space."""

_JSON: _Answers = MappingProxyType(
    {
        Flaw.MISSING: ("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
        Flaw.UNSUPPORTED: ("IncompleteSignatureException", 400, _UNSUPPORTED),
        Flaw.INCOMPLETE: ("IncompleteSignatureException", 400, ""),
        Flaw.BAD_EXPIRES: ("IncompleteSignatureException", 400, ""),
        Flaw.UNKNOWN_KEY: ("UnrecognizedClientException", 400, _INVALID_TOKEN),
        Flaw.SESSION_OVER: ("ExpiredTokenException", 400, _EXPIRED_TOKEN),
        Flaw.EXPIRED: ("InvalidSignatureException", 400, ""),
        Flaw.NOT_YET: ("InvalidSignatureException", 400, ""),
        Flaw.URL_OVER: ("InvalidSignatureException", 400, ""),
        Flaw.HEADER_NOT_SIGNED: ("InvalidSignatureException", 400, _UNSIGNED),
        Flaw.MISMATCH: ("InvalidSignatureException", 400, _MISMATCH),
        Flaw.BAD_PAYLOAD: ("InvalidSignatureException", 400, _MISMATCH),
    }
)

_QUERY: _Answers = MappingProxyType(
    {
        Flaw.MISSING: ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
        Flaw.UNSUPPORTED: ("IncompleteSignature", 400, _UNSUPPORTED),
        Flaw.INCOMPLETE: ("IncompleteSignature", 400, ""),
        Flaw.BAD_EXPIRES: ("IncompleteSignature", 400, ""),
        Flaw.UNKNOWN_KEY: ("InvalidClientTokenId", 403, _INVALID_TOKEN.rstrip(".")),
        Flaw.SESSION_OVER: ("ExpiredToken", 403, _EXPIRED_TOKEN),
        Flaw.EXPIRED: ("SignatureDoesNotMatch", 403, ""),
        Flaw.NOT_YET: ("SignatureDoesNotMatch", 403, ""),
        Flaw.URL_OVER: ("SignatureDoesNotMatch", 403, ""),
        Flaw.HEADER_NOT_SIGNED: ("SignatureDoesNotMatch", 403, _UNSIGNED),
        Flaw.MISMATCH: ("SignatureDoesNotMatch", 403, _MISMATCH),
        Flaw.BAD_PAYLOAD: ("SignatureDoesNotMatch", 403, _MISMATCH),
    }
)

_SKEWED: Final = "The difference between the request time and the current time is too large."

_S3_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)

_KINDS: Final = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)

_S3: _Answers = MappingProxyType(
    {
        Flaw.MISSING: ("AccessDenied", 403, "Access Denied"),
        Flaw.UNSUPPORTED: (
            "InvalidRequest",
            400,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ),
        Flaw.INCOMPLETE: ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; "),
        Flaw.BAD_EXPIRES: ("AuthorizationQueryParametersError", 400, ""),
        Flaw.UNKNOWN_KEY: (
            "InvalidAccessKeyId",
            403,
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        Flaw.SESSION_OVER: ("ExpiredToken", 400, "The provided token has expired."),
        Flaw.EXPIRED: ("RequestTimeTooSkewed", 403, _SKEWED),
        Flaw.NOT_YET: ("RequestTimeTooSkewed", 403, _SKEWED),
        Flaw.URL_OVER: ("AccessDenied", 403, "Request has expired"),
        Flaw.HEADER_NOT_SIGNED: (
            "AccessDenied",
            403,
            "There were headers present in the request which were not signed: ",
        ),
        Flaw.MISMATCH: (
            "SignatureDoesNotMatch",
            403,
            _S3_MISMATCH,
        ),
        Flaw.BAD_PAYLOAD: (
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        Flaw.BAD_PAYLOAD_KIND: (
            "InvalidArgument",
            400,
            _KINDS,
        ),
    }
)


ANSWERS: Mapping[Protocol, _Answers] = MappingProxyType(
    {Protocol.JSON: _JSON, Protocol.QUERY: _QUERY, Protocol.S3: _S3}
)
"""By protocol; those that are not named answer as the JSON services do. What only S3 finds wrong, only S3 answers."""


def refusal(protocol: Protocol, flaw: Flaw, detail: str) -> WireError:
    """The error of the service that speaks this protocol."""
    code, status, text = ANSWERS.get(protocol, _JSON)[flaw]
    message = text + detail if not text or text.endswith(" ") else text
    return WireError(code=code, message=message, status=status)
