"""Reads what a Signature Version 4 claims, in a header or a presigned URL; whether it is true is `sigv4`'s business."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl

ALGORITHM: Final = "AWS4-HMAC-SHA256"
LONGEST_PRESIGNED_SECONDS: Final = 7 * 24 * 3600
STAMP: Final = "%Y%m%dT%H%M%SZ"
"""How a signature writes its moment."""

_STAMP_FORM: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PARTS: Final = ("Credential", "Signature", "SignedHeaders")


class Flaw(StrEnum):
    """Why a request is refused; the protocols word each in their own way."""

    MISSING = "missing"
    """There is no signature."""
    UNSUPPORTED = "unsupported"
    """A signature of another kind: version 2, or the asymmetric one."""
    INCOMPLETE = "incomplete"
    """A part of the signature is missing or malformed."""
    BAD_EXPIRES = "bad-expires"
    """X-Amz-Expires is no number of seconds up to a week."""
    UNKNOWN_KEY = "unknown-key"
    """The access key or its session token is nobody's."""
    SESSION_OVER = "session-over"
    """The temporary credentials have expired."""
    EXPIRED = "expired"
    """Signed too long ago: what a replayed request comes to."""
    NOT_YET = "not-yet"
    """Signed in the future."""
    URL_OVER = "url-over"
    """A presigned URL after its time."""
    HEADER_NOT_SIGNED = "header-not-signed"
    """An x-amz- header, or Host, is not covered by the signature."""
    MISMATCH = "mismatch"
    """Another secret key, or another request than the one that was signed."""
    BAD_PAYLOAD = "bad-payload"
    """The body is not the one whose digest was signed."""
    BAD_PAYLOAD_KIND = "bad-payload-kind"
    """S3: x-amz-content-sha256 is neither a digest nor a word for what stands in its place."""


class Refused(Exception):
    """The verdict on a request that may not pass; `detail` is a text for the client, of its own request only."""

    def __init__(self, flaw: Flaw, detail: str = "") -> None:
        super().__init__(flaw)
        self.flaw = flaw
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request as it came. `path` and `query` are the bytes of the request line; header names are lower-case."""

    method: str
    path: bytes
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]

    def header(self, name: bytes) -> str | None:
        """The values of a header as the signature sees them: joined by commas, with runs of spaces as one."""
        values = [b" ".join(value.split()) for other, value in self.headers if other == name]
        return b",".join(values).decode("latin-1") if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The parts of a signature. `valid_for` None: signed by header."""

    access_key: str
    day: str
    region: str
    service: str
    stamp: str
    signed_headers: tuple[str, ...]
    signature: str
    session_token: str | None = field(repr=False)
    valid_for: timedelta | None = None

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def is_presigned(query: bytes) -> bool:
    """Whether the signature is in the query string."""
    return b"X-Amz-Signature=" in query or b"X-Amz-Algorithm=" in query


def claim_of(request: SignedRequest) -> Claim:
    """The claim of a request. Raises Refused when there is none, or it is malformed."""
    authorization = request.header(b"authorization")
    if authorization is not None:
        if sum(name == b"authorization" for name, _ in request.headers) > 1:
            raise Refused(Flaw.INCOMPLETE, "There must be one Authorization header.")
        return _claim_of_header(request, authorization)
    parameters = dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True))
    if is_presigned(request.query):
        return _claim_of_query(parameters)
    raise Refused(Flaw.UNSUPPORTED if "AWSAccessKeyId" in parameters else Flaw.MISSING)


def _claim_of_header(request: SignedRequest, authorization: str) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise Refused(Flaw.UNSUPPORTED)
    parts = _parts(rest)
    stamp = request.header(b"x-amz-date") or _stamp_of_date(request.header(b"date"))
    wanted = {name: parts.get(name) for name in _PARTS}
    missing = [f"Authorization header requires '{name}' parameter." for name, value in wanted.items() if not value]
    if stamp is None:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        raise Refused(Flaw.INCOMPLETE, " ".join(missing))
    return _claim(
        credential=parts["Credential"],
        signed_headers=parts["SignedHeaders"],
        signature=parts["Signature"],
        stamp=stamp or "",
        session_token=request.header(b"x-amz-security-token"),
        valid_for=None,
    )


def _claim_of_query(parameters: Mapping[str, str]) -> Claim:
    if parameters.get("X-Amz-Algorithm") != ALGORITHM:
        raise Refused(Flaw.UNSUPPORTED)
    wanted = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires")
    missing = [name for name in wanted if not parameters.get(name)]
    if missing:
        raise Refused(Flaw.INCOMPLETE, f"AWS query-string parameters must include {', '.join(missing)}.")
    expires = parameters["X-Amz-Expires"]
    if not re.fullmatch(r"[0-9]{1,7}", expires) or int(expires) > LONGEST_PRESIGNED_SECONDS:
        raise Refused(Flaw.BAD_EXPIRES, "X-Amz-Expires must be less than a week (in seconds); that is, 604800")
    return _claim(
        credential=parameters["X-Amz-Credential"],
        signed_headers=parameters["X-Amz-SignedHeaders"],
        signature=parameters["X-Amz-Signature"],
        stamp=parameters["X-Amz-Date"],
        session_token=parameters.get("X-Amz-Security-Token"),
        valid_for=timedelta(seconds=int(expires)),
    )


def _claim(
    *,
    credential: str,
    signed_headers: str,
    signature: str,
    stamp: str,
    session_token: str | None,
    valid_for: timedelta | None,
) -> Claim:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not all(parts):
        raise Refused(Flaw.INCOMPLETE, "Credential must have exactly 5 slash-delimited elements.")
    access_key, day, region, service, _ = parts
    if not _STAMP_FORM.fullmatch(stamp):
        raise Refused(Flaw.INCOMPLETE, "The date of the signature must be in the form YYYYMMDD'T'HHMMSS'Z'.")
    if stamp[:8] != day:
        raise Refused(
            Flaw.INCOMPLETE, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date."
        )
    return Claim(
        access_key=access_key,
        day=day,
        region=region,
        service=service,
        stamp=stamp,
        signed_headers=tuple(signed_headers.split(";")),
        signature=signature,
        session_token=session_token,
        valid_for=valid_for,
    )


def _parts(text: str) -> dict[str, str]:
    """The three parts of the header, each once: what reads the caller's account from it must not see another one."""
    parts: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in _PARTS or name in parts or "=" in value or " " in value:
            raise Refused(Flaw.INCOMPLETE, "Authorization header must hold Credential, SignedHeaders and Signature.")
        parts[name] = value
    return parts


def _stamp_of_date(date: str | None) -> str | None:
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime(STAMP)
    except (ValueError, OverflowError):  # no date of mail; or one that is beyond the calendar in UTC
        return date if _STAMP_FORM.fullmatch(date) else None
