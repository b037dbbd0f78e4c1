"""Who asks, and for which region: read from the credential scope of the request, as the service does."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qs

from processing_emulator.aws.protocols.wire_errors import BadCredentialScope
from processing_emulator.domain.identity import DEFAULT_ACCOUNT, DEFAULT_REGION

_SCOPE = re.compile(r"Credential=([^/,\s]+)/[^/,\s]*/([^/,\s]*)/([^/,\s]*)/aws4_request")
_REGION = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialScope:
    """What a signature names: `service` is the signing name, empty without a signature."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    service: str = ""
    access_key: str = ""


class Caller(NamedTuple):
    """The account and region a request speaks for, and the id it is logged and answered with. Made for each request.

    `access_key` and `session_token` are those of the signature, empty where there is none.
    """

    account: str
    region: str
    request_id: str
    access_key: str = ""
    session_token: str = ""

    def __repr__(self) -> str:
        """Without the token, which is a secret."""
        return f"Caller({self.account}, {self.region}, {self.request_id}, {self.access_key})"


def credential_of(authorization: str) -> str:
    """The part of an Authorization header that names the credentials, and not the request; empty without it."""
    match = _SCOPE.search(authorization)
    return match[0] if match else ""


def scope_of(authorization: str, account_of: Callable[[str], str]) -> CredentialScope:
    """Read an Authorization header; one that is absent or of another kind gives the defaults.

    `account_of` tells an access key's account. Raises BadCredentialScope for a region that would make no ARN.
    """
    match = _SCOPE.search(authorization)
    if match is None:
        return CredentialScope()
    access_key, region, service = match.groups()
    if not _REGION.fullmatch(region):
        raise BadCredentialScope(f"Credential should be scoped to a valid region, not '{region[:64]}'.")
    return CredentialScope(account=account_of(access_key), region=region, service=service, access_key=access_key)


def signing_name_of(authorization: str) -> str:
    """The service that a signature names; empty without one."""
    match = _SCOPE.search(authorization)
    return match[3] if match else ""


def signing_region_of(authorization: str) -> str:
    """The region that a signature names; the default one without a signature, or with one that names none."""
    match = _SCOPE.search(authorization)
    return match[2] if match and _REGION.fullmatch(match[2]) else DEFAULT_REGION


def presigned(query: bytes, name: str) -> str:
    """A parameter of a presigned URL, such as X-Amz-Credential; empty without one."""
    if b"X-Amz-" not in query:
        return ""
    values = parse_qs(query.decode("latin-1")).get(name)
    return values[-1] if values else ""
