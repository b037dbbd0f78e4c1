"""Which credentials may sign, and which account an access key belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from processing_emulator.aws.signatures.errors import Refusal, SignatureError
from processing_emulator.aws.signatures.session_tokens import BadToken, RoleSession, SessionTokenIssuer
from processing_emulator.domain.default_account import account_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialStore:
    """Configured keys, and temporary credentials of this emulator.

    `configured`: secret keys by access key, used only where signatures are checked.
    """

    session_tokens: SessionTokenIssuer
    configured: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def account_of(self, access_key: str) -> str:
        """A key of twelve digits is the account, a temporary key contains it; all others have the default account."""
        return self.session_tokens.account_of(access_key) or account_of(access_key)

    def session_of(self, access_key: str, session_token: str) -> RoleSession | None:
        """The session of temporary credentials of this emulator; None for all others."""
        try:
            session, _ = self.session_tokens.open(access_key, session_token)
        except BadToken:
            return None
        return session

    def secret_key_of(self, access_key: str, session_token: str, now: datetime) -> str:
        """The secret key that a request must be signed with. Raises SignatureError."""
        if not session_token:
            if access_key not in self.configured:
                raise SignatureError(Refusal.UNKNOWN_KEY)
            return self.configured[access_key]
        try:
            session, secret_key = self.session_tokens.open(access_key, session_token)
        except BadToken as error:
            raise SignatureError(Refusal.UNKNOWN_KEY) from error
        if now >= session.expires_at:
            raise SignatureError(Refusal.EXPIRED_SESSION)
        return secret_key
