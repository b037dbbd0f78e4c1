"""Names of roles. Every role exists here, so all its properties are derived from its name."""

import base64
import hashlib
import re
from typing import Final

from processing_emulator.errors import ValidationFailed

LONGEST_SESSION_SECONDS: Final = 43_200
"""MaxSessionDuration of every role."""

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:[\x21-\x7e]*/)?([a-zA-Z0-9_+=,.@-]{1,64})")


def role_of(role_arn: str) -> tuple[str, str]:
    """Account and name of a role, without its path. Raises ValidationFailed in the service's words."""
    match = _ROLE_ARN.fullmatch(role_arn)
    if match is None:
        raise ValidationFailed(f"{role_arn[:2048]} is invalid")
    return match[1], match[2]


def unique_role_id(account: str, role: str) -> str:
    """The RoleId: the same for the same role, in every run."""
    digest = hashlib.sha256(f"{account}/{role}".encode()).digest()
    return f"AROA{base64.b32encode(digest).decode()[:17]}"
