"""GetRole: every role exists, and SageMaker may assume it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.sts.role_naming import LONGEST_SESSION_SECONDS, unique_role_id

_CREATED: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Roles are not created here; all of them exist from the beginning."""

_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def get_role(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
    """A handler: the role of that name in the caller's account."""
    name = request["RoleName"]
    return {
        "Role": {
            "Path": "/",
            "RoleName": name,
            "RoleId": unique_role_id(context.account, name),
            "Arn": f"arn:aws:iam::{context.account}:role/{name}",
            "CreateDate": _CREATED,
            "AssumeRolePolicyDocument": quote(json.dumps(_TRUST, separators=(",", ":")), safe=""),
            "MaxSessionDuration": LONGEST_SESSION_SECONDS,
        }
    }
