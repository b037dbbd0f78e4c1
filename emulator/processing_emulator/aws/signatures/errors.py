"""Why a request is refused for its signature, and the code, status and text that each protocol has for it."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.protocols.wire_errors import WireError


class Refusal(Enum):
    """What clients distinguish by code."""

    MISSING_TOKEN = "the request is not signed"  # noqa: S105
    MALFORMED = "a part of the signature is missing or malformed, or its algorithm is not AWS4-HMAC-SHA256"
    UNKNOWN_KEY = "no account has this access key, or the session token does not belong to it"
    EXPIRED_SESSION = "the temporary credentials have expired"
    EXPIRED_REQUEST = "the request was signed too long ago, or in the future, or its presigned URL has expired"
    MISMATCH = "another secret key or another request was signed, or a header that must be signed is not"
    PAYLOAD_MISMATCH = "the body does not have the digest that was signed"


class SignatureError(Exception):
    """A request that is refused. `detail` is text about the client's own request."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.detail = detail


class _Form(NamedTuple):
    """`text` counts where an error has no detail of its own."""

    code: str
    status: int
    text: str = ""


_Forms: TypeAlias = Mapping[Refusal, _Form]

_UNKNOWN_TOKEN: Final = "The security token included in the request is invalid"  # noqa: S105
_EXPIRED_TOKEN: Final = "The security token included in the request is expired"  # noqa: S105
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)

_JSON: Final[_Forms] = MappingProxyType(
    {
        Refusal.MISSING_TOKEN: _Form("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
        Refusal.MALFORMED: _Form("IncompleteSignatureException", 400),
        Refusal.UNKNOWN_KEY: _Form("UnrecognizedClientException", 400, f"{_UNKNOWN_TOKEN}."),
        Refusal.EXPIRED_SESSION: _Form("ExpiredTokenException", 400, _EXPIRED_TOKEN),
        Refusal.EXPIRED_REQUEST: _Form("InvalidSignatureException", 400),
        Refusal.MISMATCH: _Form("InvalidSignatureException", 400, _MISMATCH),
        Refusal.PAYLOAD_MISMATCH: _Form("InvalidSignatureException", 400, _MISMATCH),
    }
)
_QUERY: Final[_Forms] = MappingProxyType(
    {
        Refusal.MISSING_TOKEN: _Form("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
        Refusal.MALFORMED: _Form("IncompleteSignature", 400),
        Refusal.UNKNOWN_KEY: _Form("InvalidClientTokenId", 403, _UNKNOWN_TOKEN),
        Refusal.EXPIRED_SESSION: _Form("ExpiredToken", 403, _EXPIRED_TOKEN),
        Refusal.EXPIRED_REQUEST: _Form("SignatureDoesNotMatch", 403),
        Refusal.MISMATCH: _Form("SignatureDoesNotMatch", 403, _MISMATCH),
        Refusal.PAYLOAD_MISMATCH: _Form("SignatureDoesNotMatch", 403, _MISMATCH),
    }
)
_S3: Final[_Forms] = MappingProxyType(
    {
        Refusal.MISSING_TOKEN: _Form("AccessDenied", 403, "Access Denied"),
        Refusal.MALFORMED: _Form("AuthorizationHeaderMalformed", 400),
        Refusal.UNKNOWN_KEY: _Form(
            "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."
        ),
        Refusal.EXPIRED_SESSION: _Form("ExpiredToken", 400, "The provided token has expired."),
        Refusal.EXPIRED_REQUEST: _Form("RequestTimeTooSkewed", 403),
        Refusal.MISMATCH: _Form("SignatureDoesNotMatch", 403, _MISMATCH),
        Refusal.PAYLOAD_MISMATCH: _Form(
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
    }
)

FORMS: Final[Mapping[Protocol, _Forms]] = MappingProxyType(
    {
        Protocol.JSON: _JSON,
        Protocol.RPC_CBOR: _JSON,
        Protocol.REST: _JSON,
        Protocol.QUERY: _QUERY,
        Protocol.S3: _S3,
    }
)
"""By the protocols that are checked."""


def wire_error_of(error: SignatureError, protocol: Protocol) -> WireError:
    """The error in the words of the protocol. The log gets the reason and nothing of the request."""
    form = FORMS[protocol][error.refusal]
    return WireError(
        code=form.code, message=error.detail or form.text, status=form.status, log_text=error.refusal.value
    )
