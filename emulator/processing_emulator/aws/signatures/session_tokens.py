"""Temporary credentials that need no table: the session token contains the session, authenticated with an HMAC.

The access key contains the account, so that requests find their jobs even where signatures are not checked.
"""

import base64
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from processing_emulator.domain.container_contract import TemporaryKeys

PREFIX: Final = "ASIA"
"""The prefix of temporary access keys, as in AWS."""

_ACCOUNT_BYTES: Final = 5
_TAG_BYTES: Final = 5
_NONCE_BYTES: Final = 2
_KEY_LENGTH: Final = len(PREFIX) + (_ACCOUNT_BYTES + _TAG_BYTES) * 8 // 5
_HMAC_BYTES: Final = 32
_LONGEST_TOKEN: Final = 4096


class BadToken(ValueError):
    """A session token that this emulator did not issue, or issued for another access key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSession:
    """The session of temporary credentials, and its end (aware, UTC, whole seconds)."""

    account: str
    role: str
    session: str
    expires_at: datetime

    @property
    def arn(self) -> str:
        """The session's ARN, as in GetCallerIdentity; it does not contain the role's path."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role}/{self.session}"


class SessionTokenIssuer:
    """Issues temporary credentials and reads them again. `secret` is all that is needed to forge them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, *, account: str, role: str, session: str, now: datetime, lifetime_seconds: int) -> TemporaryKeys:
        """New credentials for a session of a role, given by its name, in an account of twelve digits."""
        expires_at = now.replace(microsecond=0) + timedelta(seconds=lifetime_seconds)
        access_key = self._access_key(account, secrets.token_bytes(_NONCE_BYTES))
        document = [access_key, role, session, int(expires_at.timestamp())]
        payload = json.dumps(document, separators=(",", ":")).encode()
        token = base64.b64encode(self._digest("token", payload) + payload).decode()
        return TemporaryKeys(
            access_key=access_key,
            secret_key=self._secret_key(payload),
            session_token=token,
            expires_at=expires_at,
        )

    def account_of(self, access_key: str) -> str | None:
        """The account in a temporary access key of this emulator; None for every other key."""
        if len(access_key) != _KEY_LENGTH or not access_key.startswith(PREFIX):
            return None
        try:
            raw = base64.b32decode(access_key[len(PREFIX) :])
        except ValueError:  # not base 32, or not even ASCII
            return None
        account = f"{int.from_bytes(raw[:_ACCOUNT_BYTES], 'big'):012d}"
        nonce = raw[_ACCOUNT_BYTES : _ACCOUNT_BYTES + _NONCE_BYTES]
        return account if hmac.compare_digest(self._access_key(account, nonce), access_key) else None

    def open(self, access_key: str, session_token: str) -> tuple[RoleSession, str]:
        """The session of a token, which may have expired, and its secret key. Raises BadToken."""
        account = self.account_of(access_key)
        payload = self._authenticated(session_token)
        named, role, session, expires = json.loads(payload)
        if account is None or named != access_key:
            raise BadToken("the token belongs to another access key")
        expires_at = datetime.fromtimestamp(expires, UTC)
        found = RoleSession(account=account, role=role, session=session, expires_at=expires_at)
        return found, self._secret_key(payload)

    def _authenticated(self, session_token: str) -> bytes:
        if len(session_token) > _LONGEST_TOKEN:
            raise BadToken("the token is too long")
        try:
            token = base64.b64decode(session_token, validate=True)
        except ValueError as error:
            raise BadToken("the token is not base64") from error
        mac, payload = token[:_HMAC_BYTES], token[_HMAC_BYTES:]
        if not hmac.compare_digest(mac, self._digest("token", payload)):
            raise BadToken("the token was not made here")
        return payload

    def _access_key(self, account: str, nonce: bytes) -> str:
        number = int(account).to_bytes(_ACCOUNT_BYTES, "big")
        tag = self._digest("access key", number + nonce)[: _TAG_BYTES - _NONCE_BYTES]
        return PREFIX + base64.b32encode(number + nonce + tag).decode()

    def _secret_key(self, payload: bytes) -> str:
        return base64.b64encode(self._digest("secret key", payload)[:30]).decode()

    def _digest(self, purpose: str, data: bytes) -> bytes:
        return hmac.digest(self._secret, f"{purpose}\0".encode() + data, "sha256")
