"""Who sends a request, and for which account and region: read from its signature, as the service does.

`parse_authorization` is the only reader of Signature Version 4. It checks the form and nothing else; whether the
signature is true is verified in `aws.signatures`, from the same structure, so that both always see the same caller.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from processing_emulator.aws.protocols.wire_errors import BadCredentialScope
from processing_emulator.domain.default_account import DEFAULT_ACCOUNT, DEFAULT_REGION

_REGION: Final = re.compile(r"[a-z0-9-]{1,32}")
_PARAMETERS: Final = frozenset({"Credential", "SignedHeaders", "Signature"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialScope:
    """`Credential=<access key>/<date>/<region>/<service>/aws4_request`. Only the access key is never empty."""

    access_key: str
    date: str
    region: str
    service: str

    @property
    def scope(self) -> str:
        """All but the access key, as it is signed."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A signature as the request gives it. What is missing or malformed is empty, or None for the credential.

    `timestamp` is X-Amz-Date, `content_sha256` what is signed for the body of an S3 request, and `expires`
    X-Amz-Expires, which only presigned URLs have.
    """

    algorithm: str
    credential: CredentialScope | None
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    session_token: str = field(repr=False)
    expires: str = ""
    content_sha256: str = ""
    is_presigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """The account and region a request speaks for, and the id it is logged and answered with.

    `service` is the signing name. It, `access_key` and `session_token` are empty where there is no signature.
    `is_verified`: the signature was checked and is right.
    """

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    service: str = ""
    access_key: str = ""
    session_token: str = field(default="", repr=False)
    request_id: str = ""
    is_verified: bool = False


def parse_authorization(headers: Mapping[bytes, str], query: bytes) -> Authorization | None:
    """The signature in the Authorization header or, without that header, in a presigned URL; None without either.

    `headers` have lower-case names.
    """
    header = headers.get(b"authorization")
    if header is not None:
        return _from_header(header, headers)
    parameters = _query_parameters(query)
    if "X-Amz-Signature" in parameters or "X-Amz-Credential" in parameters or "X-Amz-Algorithm" in parameters:
        return _from_query(parameters, headers)
    return None


def context_of(
    authorization: Authorization | None, request_id: str, account_of: Callable[[str], str]
) -> RequestContext:
    """The context of a request with this signature; a credential that is absent or malformed gives the defaults.

    `account_of` returns an access key's account. Raises BadCredentialScope for a region that would make no ARN.
    """
    credential = authorization.credential if authorization is not None else None
    if authorization is None or credential is None:
        return RequestContext(request_id=request_id)
    if not _REGION.fullmatch(credential.region):
        raise BadCredentialScope(f"Credential should be scoped to a valid region, not '{credential.region[:64]}'.")
    return RequestContext(
        account=account_of(credential.access_key),
        region=credential.region,
        service=credential.service,
        access_key=credential.access_key,
        session_token=authorization.session_token,
        request_id=request_id,
    )


def _from_header(header: str, headers: Mapping[bytes, str]) -> Authorization:
    algorithm, _, text = header.partition(" ")
    parameters = _header_parameters(text)
    return Authorization(
        algorithm=algorithm,
        credential=_credential(parameters.get("Credential", "")),
        signed_headers=_names(parameters.get("SignedHeaders", "")),
        signature=parameters.get("Signature", ""),
        timestamp=headers.get(b"x-amz-date", ""),
        session_token=headers.get(b"x-amz-security-token", ""),
        content_sha256=headers.get(b"x-amz-content-sha256", ""),
    )


def _from_query(parameters: Mapping[str, str], headers: Mapping[bytes, str]) -> Authorization:
    return Authorization(
        algorithm=parameters.get("X-Amz-Algorithm", ""),
        credential=_credential(parameters.get("X-Amz-Credential", "")),
        signed_headers=_names(parameters.get("X-Amz-SignedHeaders", "")),
        signature=parameters.get("X-Amz-Signature", ""),
        timestamp=parameters.get("X-Amz-Date", ""),
        session_token=parameters.get("X-Amz-Security-Token", ""),
        expires=parameters.get("X-Amz-Expires", ""),
        content_sha256=headers.get(b"x-amz-content-sha256") or parameters.get("X-Amz-Content-Sha256", ""),
        is_presigned=True,
    )


def _header_parameters(text: str) -> Mapping[str, str]:
    """`Credential=..., SignedHeaders=..., Signature=...`; none at all where one is unknown or given twice."""
    parameters: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in _PARAMETERS or name in parameters or "=" in value or " " in value:
            return {}
        parameters[name] = value
    return parameters


def _query_parameters(query: bytes) -> Mapping[str, str]:
    """Those of a presigned URL; of repeated ones the last."""
    if b"X-Amz-" not in query:
        return {}
    return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def _credential(text: str) -> CredentialScope | None:
    parts = text.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not parts[0]:
        return None
    access_key, date, region, service, _ = parts
    return CredentialScope(access_key=access_key, date=date, region=region, service=service)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()
