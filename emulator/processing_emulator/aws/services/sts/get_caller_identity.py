"""GetCallerIdentity: who the request's credentials stand for."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.operation import Handler
from processing_emulator.aws.services.sts.role_naming import unique_role_id
from processing_emulator.aws.signatures.credentials import CredentialStore


def get_caller_identity(keys: CredentialStore) -> Handler:
    """The handler over these keys: a session of a role for temporary credentials, the account's root for all others."""

    def handle(context: RequestContext, _request: Mapping[str, Any]) -> Mapping[str, object]:
        session = keys.session_of(context.access_key, context.session_token)
        if session is None:
            return {
                "UserId": context.account,
                "Account": context.account,
                "Arn": f"arn:aws:iam::{context.account}:root",
            }
        return {
            "UserId": f"{unique_role_id(session.account, session.role)}:{session.session}",
            "Account": session.account,
            "Arn": session.arn,
        }

    return handle
