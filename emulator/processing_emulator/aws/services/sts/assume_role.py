"""AssumeRole: temporary credentials for the role's account. Any caller may assume any role."""

from collections.abc import Mapping
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.operation import Handler
from processing_emulator.aws.services.sts.role_naming import role_of, unique_role_id
from processing_emulator.aws.signatures.credentials import CredentialStore
from processing_emulator.aws.signatures.session_tokens import RoleSession
from processing_emulator.ports import Clock

_DEFAULT_SECONDS: Final = 3600


def assume_role(keys: CredentialStore, clock: Clock) -> Handler:
    """The handler. Policies, tags and multi-factor codes are accepted: nothing here depends on permissions."""

    def handle(_context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        account, role = role_of(request["RoleArn"])
        session_name = request["RoleSessionName"]
        issued = keys.session_tokens.issue(
            account=account,
            role=role,
            session=session_name,
            now=clock.now(),
            lifetime_seconds=request.get("DurationSeconds", _DEFAULT_SECONDS),
        )
        session = RoleSession(account=account, role=role, session=session_name, expires_at=issued.expires_at)
        return present(
            Credentials={
                "AccessKeyId": issued.access_key,
                "SecretAccessKey": issued.secret_key,
                "SessionToken": issued.session_token,
                "Expiration": issued.expires_at,
            },
            AssumedRoleUser={
                "AssumedRoleId": f"{unique_role_id(account, role)}:{session_name}",
                "Arn": session.arn,
            },
            SourceIdentity=request.get("SourceIdentity"),
        )

    return handle
