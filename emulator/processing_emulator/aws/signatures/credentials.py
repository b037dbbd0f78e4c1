"""Which keys may sign, and whom an access key stands for: configured keys, and temporary ones made here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from processing_emulator.aws.signatures.session_tokens import BadToken, RoleSession, TokenMint
from processing_emulator.domain.identity import account_of


class UnknownKey(Exception):
    """Nobody has this access key, or its session token is missing or not its own."""


class SessionOver(Exception):
    """The temporary credentials have expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """`configured`: secret keys by access key; they count only where signatures are enforced."""

    mint: TokenMint
    configured: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def account_of(self, access_key: str) -> str:
        """A key of twelve digits is the account, a temporary key tells its own; all others have the default account."""
        return self.mint.account_of(access_key) or account_of(access_key)

    def session_of(self, access_key: str, session_token: str) -> RoleSession | None:
        """The session that a request's credentials stand for; None for keys that are not temporary ones of ours."""
        try:
            session, _ = self.mint.open(access_key, session_token)
        except BadToken:
            return None
        return session

    def secret_of(self, access_key: str, session_token: str | None, now: datetime) -> str:
        """The secret key that a request must be signed with. Raises UnknownKey, SessionOver."""
        configured = self.configured.get(access_key)
        if session_token is None:
            if configured is None:
                raise UnknownKey
            return configured
        try:
            session, secret = self.mint.open(access_key, session_token)
        except BadToken as error:
            raise UnknownKey from error
        if now >= session.expires_at:
            raise SessionOver
        return secret
