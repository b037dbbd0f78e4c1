"""GetAuthorizationToken of ECR: a log-in for the account's registry, as far as clients look at it.

No registry is emulated: images come through the image map or from Docker. The password is random and opens nothing.
"""

import base64
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.operation import Handler
from processing_emulator.ports import Clock

_VALID_FOR: Final = timedelta(hours=12)


def get_authorization_token(clock: Clock) -> Handler:
    """The handler: one entry per registry asked for, or the one of the caller's account."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        return {
            "authorizationData": [
                {
                    "authorizationToken": base64.b64encode(f"AWS:{secrets.token_urlsafe(48)}".encode()).decode(),
                    "expiresAt": clock.now() + _VALID_FOR,
                    "proxyEndpoint": f"https://{registry}.dkr.ecr.{context.region}.amazonaws.com",
                }
                for registry in request.get("registryIds", [context.account])
            ]
        }

    return handle
