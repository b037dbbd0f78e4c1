"""Verifies Signature Version 4: signs the request again with botocore's signer, and compares.

Imported only where signatures are checked: importing botocore takes 200 ms.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from processing_emulator.aws.http.request_context import Authorization, CredentialScope
from processing_emulator.aws.signatures.credentials import CredentialStore
from processing_emulator.aws.signatures.errors import Refusal, SignatureError

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TIMESTAMP: Final = "%Y%m%dT%H%M%SZ"
LONGEST_EXPIRY_SECONDS: Final = 7 * 24 * 3600

_LITERAL: Final = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("#"))
"""What botocore's URL parser keeps. It strips control characters and spaces, and drops everything after `#`."""

_SINGLE_PARAMETERS: Final = frozenset(
    {
        *("x-amz-algorithm", "x-amz-content-sha256", "x-amz-credential", "x-amz-date", "x-amz-expires"),
        *("x-amz-security-token", "x-amz-signature", "x-amz-signedheaders"),
    }
)
_SINGLE_HEADERS: Final = frozenset({"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
"""Given twice, one layer could read the first and another the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """A request as it was received. `path` and `query` are encoded; header names are lower-case."""

    method: str
    path: bytes
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]

    def header(self, name: bytes) -> str | None:
        """The last value of a header."""
        values = [value for other, value in self.headers if other == name]
        return _text(values[-1]) if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What differs between services: S3 signs paths as they are; the clocks may differ by `window`."""

    is_s3: bool
    window: timedelta


def verify(
    head: RequestHead,
    authorization: Authorization | None,
    payload: str,
    credentials: CredentialStore,
    rules: Rules,
    now: datetime,
) -> None:
    """Raises SignatureError unless the signature is right; checked in the order of the services.

    `payload` is what was signed for the body: its digest, or what S3 clients sign instead.
    """
    if authorization is None:
        if b"AWSAccessKeyId=" in head.query:
            raise _malformed("The request must be signed with AWS4-HMAC-SHA256.")
        raise SignatureError(Refusal.MISSING_TOKEN)
    _check_repeats(head)
    scope = _check_form(authorization)
    secret_key = credentials.secret_key_of(scope.access_key, authorization.session_token, now)
    _check_time(authorization, rules.window, now)
    _check_signed_headers(head, authorization)
    expected = _signature(head, authorization, scope, payload, secret_key, is_s3=rules.is_s3)
    if not hmac.compare_digest(expected.encode(), authorization.signature.encode()):
        raise SignatureError(Refusal.MISMATCH)


def _check_repeats(head: RequestHead) -> None:
    parameters = [name.lower() for name, _ in parse_qsl(head.query.decode("latin-1"), keep_blank_values=True)]
    headers = [name.decode("latin-1") for name, _ in head.headers]
    for names, single in ((parameters, _SINGLE_PARAMETERS), (headers, _SINGLE_HEADERS)):
        if repeated := sorted(name for name in single if names.count(name) > 1):
            raise _malformed(f"The request must have only one {', '.join(repeated)}.")


def _check_form(authorization: Authorization) -> CredentialScope:
    scope = authorization.credential
    if authorization.algorithm != ALGORITHM:
        raise _malformed("The request must be signed with AWS4-HMAC-SHA256.")
    if scope is None or not all((scope.access_key, scope.date, scope.region, scope.service)):
        raise _malformed("Credential must have exactly 5 slash-delimited elements.")
    if not authorization.signature or not authorization.signed_headers:
        raise _malformed("Authorization requires the parameters 'Credential', 'SignedHeaders' and 'Signature'.")
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", authorization.timestamp):
        raise _malformed("X-Amz-Date is required, in the form YYYYMMDD'T'HHMMSS'Z'.")
    if authorization.timestamp[:8] != scope.date:
        raise _malformed("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.")
    if authorization.is_presigned and not (
        re.fullmatch(r"[0-9]{1,7}", authorization.expires) and int(authorization.expires) <= LONGEST_EXPIRY_SECONDS
    ):
        raise _malformed("X-Amz-Expires must be less than a week (in seconds); that is, 604800")
    return scope


def _check_time(authorization: Authorization, window: timedelta, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(authorization.timestamp, TIMESTAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise _malformed("X-Amz-Date is not a date.") from error
    stamp, present = authorization.timestamp, now.strftime(TIMESTAMP)
    minutes = f"{int(window.total_seconds()) // 60} min."
    if signed_at > now + window:
        latest = (now + window).strftime(TIMESTAMP)
        text = f"Signature not yet current: {stamp} is still later than {latest} ({present} + {minutes})"
    elif authorization.is_presigned:
        expires_at = signed_at + timedelta(seconds=int(authorization.expires))
        text = "" if now <= expires_at else f"Request has expired: {present} is later than {expires_at:{TIMESTAMP}}"
    elif signed_at < now - window:
        earliest = (now - window).strftime(TIMESTAMP)
        text = f"Signature expired: {stamp} is now earlier than {earliest} ({present} - {minutes})"
    else:
        text = ""
    if text:
        raise SignatureError(Refusal.EXPIRED_REQUEST, text)


def _check_signed_headers(head: RequestHead, authorization: Authorization) -> None:
    """Headers that change the meaning of a request must be signed: Host, and every x-amz- header."""
    names = {name.decode("latin-1") for name, _ in head.headers if name.startswith(b"x-amz-")} | {"host"}
    if unsigned := sorted(names - set(authorization.signed_headers)):
        raise SignatureError(Refusal.MISMATCH, f"The signature does not cover these headers: {', '.join(unsigned)}")


class _ReceivedRequest:
    """A mixin for botocore's signers: covers the headers that the request has, and a payload that is given."""

    def headers_to_sign(self, request: Any) -> Any:
        """See botocore."""
        return request.headers

    def payload(self, request: Any) -> Any:
        """See botocore."""
        return request.context["payload"]


class _Signer(_ReceivedRequest, SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """For all services but S3."""


class _S3Signer(_ReceivedRequest, S3SigV4Auth):  # type: ignore[misc]
    """For S3."""


def _signature(
    head: RequestHead,
    authorization: Authorization,
    scope: CredentialScope,
    payload: str,
    secret_key: str,
    *,
    is_s3: bool,
) -> str:
    """The signature that the request should have."""
    query = head.query
    if authorization.is_presigned:
        query = b"&".join(part for part in query.split(b"&") if not part.startswith(b"X-Amz-Signature="))
    path = head.path if head.path.startswith(b"/") else b"/" + head.path  # or else it would change the host
    url = f"http://host{quote(path, safe=_LITERAL.replace(b'?', b''))}?{quote(query, safe=_LITERAL)}"
    request = AWSRequest(method=head.method, url=url)
    for name, value in head.headers:
        if name.decode("latin-1") in authorization.signed_headers:
            request.headers[name.decode("latin-1")] = _text(value)
    request.context.update(timestamp=authorization.timestamp, payload=payload)
    keys = Credentials(scope.access_key, secret_key)
    signer = (_S3Signer if is_s3 else _Signer)(keys, scope.service, scope.region)
    signature: str = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return signature


def _malformed(detail: str) -> SignatureError:
    return SignatureError(Refusal.MALFORMED, detail)


def _text(value: bytes) -> str:
    """Bytes of a request as botocore encodes them again; what is not UTF-8 matches no signature of botocore's."""
    return value.decode(errors="replace")
