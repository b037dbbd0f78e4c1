"""Who asks, and for which region: read from the credential scope of the request, as the service does."""

import re
from dataclasses import dataclass

from emulator.aws.errors import BadCredentialScope
from emulator.jobs.identity import DEFAULT_ACCOUNT, DEFAULT_REGION

_SCOPE = re.compile(r"Credential=([^/,\s]+)/[^/,\s]*/([^/,\s]*)/([^/,\s]*)/aws4_request")
_REGION = re.compile(r"[a-z0-9-]{1,32}")
_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialScope:
    """What a signature names: `service` is the signing name, empty without a signature."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The account and region a request speaks for, and the id it is logged and answered with."""

    account: str
    region: str
    request_id: str


def scope_of(authorization: str) -> CredentialScope:
    """Read an Authorization header; one that is absent or of another kind gives the defaults.

    A 12-digit access key is the account. Raises BadCredentialScope for a region that would make no ARN.
    """
    match = _SCOPE.search(authorization)
    if match is None:
        return CredentialScope()
    access_key, region, service = match.groups()
    if not _REGION.fullmatch(region):
        raise BadCredentialScope(f"Credential should be scoped to a valid region, not '{region[:64]}'.")
    account = access_key if _ACCOUNT.fullmatch(access_key) else DEFAULT_ACCOUNT
    return CredentialScope(account=account, region=region, service=service)
