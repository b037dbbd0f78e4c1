"""Checks a Signature Version 4: the bytes of a request in, a verdict out. Knows no clock, no protocol, no socket.

The order of the checks is the services' own: what is malformed, who signs, when, and only then the signature.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from processing_emulator.aws.signatures.credentials import KeyRing, SessionOver, UnknownKey
from processing_emulator.aws.signatures.parsing import ALGORITHM, STAMP, Claim, Flaw, Refused, SignedRequest, claim_of

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()

_UNRESERVED: Final = "-_.~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What differs between services. `is_s3`: paths are encoded once and taken as they are."""

    is_s3: bool
    window: timedelta


def verify(request: SignedRequest, payload_sha256: str, keys: KeyRing, rules: Rules, now: datetime) -> None:
    """Raises Refused unless the signature is right.

    `payload_sha256` is what the signature must cover: the digest of the body, or what S3 clients put in its place.
    """
    claim = claim_of(request)
    secret = _secret(claim, keys, now)
    _check_time(claim, rules.window, now)
    _check_coverage(request, claim)
    key = _signing_key(secret, claim.day, claim.region, claim.service)
    for path, query in _spellings(request, is_s3=rules.is_s3, is_presigned=claim.valid_for is not None):
        text = _text_to_sign(request, claim, path, query, payload_sha256)
        if hmac.compare_digest(hmac.digest(key, text, "sha256").hex().encode(), claim.signature.encode()):
            return
    raise Refused(Flaw.MISMATCH)


def _secret(claim: Claim, keys: KeyRing, now: datetime) -> str:
    try:
        return keys.secret_of(claim.access_key, claim.session_token, now)
    except UnknownKey as error:
        raise Refused(Flaw.UNKNOWN_KEY) from error
    except SessionOver as error:
        raise Refused(Flaw.SESSION_OVER) from error


def _check_time(claim: Claim, window: timedelta, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.stamp, STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused(Flaw.INCOMPLETE, "The date of the signature is not a date.") from error
    minutes = f"{int(window.total_seconds()) // 60} min."
    present = now.strftime(STAMP)
    if signed_at > now + window:
        latest = (now + window).strftime(STAMP)
        text = f"Signature not yet current: {claim.stamp} is still later than {latest} ({present} + {minutes})"
        raise Refused(Flaw.NOT_YET, text)
    if claim.valid_for is not None:
        if now > signed_at + claim.valid_for:
            raise Refused(Flaw.URL_OVER, f"Signature expired: {(signed_at + claim.valid_for).strftime(STAMP)}")
    elif signed_at < now - window:
        earliest = (now - window).strftime(STAMP)
        text = f"Signature expired: {claim.stamp} is now earlier than {earliest} ({present} - {minutes})"
        raise Refused(Flaw.EXPIRED, text)


def _check_coverage(request: SignedRequest, claim: Claim) -> None:
    """What changes the meaning of a request must be signed: Host, and every x-amz- header that is there."""
    signed = frozenset(claim.signed_headers)
    names = {name.decode("latin-1") for name, _ in request.headers if name.startswith(b"x-amz-")} | {"host"}
    unsigned = sorted(names - signed)
    if unsigned:
        raise Refused(Flaw.HEADER_NOT_SIGNED, ", ".join(unsigned))


def _spellings(request: SignedRequest, *, is_s3: bool, is_presigned: bool) -> list[tuple[bytes, bytes]]:
    """Path and query as a client may have signed them: as sent, or encoded anew from what they mean."""
    pairs = [part.partition(b"=")[::2] for part in request.query.split(b"&")] if request.query else []
    if is_presigned:
        pairs = [(name, value) for name, value in pairs if name != b"X-Amz-Signature"]
    as_sent = b"&".join(b"%s=%s" % pair for pair in sorted(pairs))
    anew = b"&".join(b"%s=%s" % pair for pair in sorted((_encoded(name), _encoded(value)) for name, value in pairs))
    if not is_s3:
        path = quote(_without_dots(request.path) or b"/", safe="/" + _UNRESERVED).encode()
        return [(path, as_sent), (path, anew)]
    path = request.path or b"/"
    path_anew = quote(unquote_to_bytes(path), safe="/" + _UNRESERVED).encode()
    return [(path, as_sent), (path_anew, anew)]


def _encoded(text: bytes) -> bytes:
    return quote(unquote_to_bytes(text), safe=_UNRESERVED).encode()


def _without_dots(path: bytes) -> bytes:
    """The path without empty, `.` and `..` segments (RFC 3986); a slash at the end stays."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    end = b"/" if kept and path.endswith(b"/") else b""
    return b"/" + b"/".join(kept) + end


def _text_to_sign(request: SignedRequest, claim: Claim, path: bytes, query: bytes, payload: str) -> bytes:
    names = claim.signed_headers
    lines = "".join(f"{name}:{request.header(name.encode('latin-1', 'replace')) or ''}\n" for name in names)
    canonical = b"\n".join(
        (
            request.method.encode("latin-1"),
            path,
            query,
            lines.encode("latin-1", "replace"),
            ";".join(names).encode("latin-1", "replace"),
            payload.encode("latin-1", "replace"),
        )
    )
    digest = hashlib.sha256(canonical).hexdigest()
    return f"{ALGORITHM}\n{claim.stamp}\n{claim.scope}\n{digest}".encode("latin-1", "replace")


@lru_cache(maxsize=64)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
