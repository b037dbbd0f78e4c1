"""How requests and replies of CloudWatch Logs name groups and streams."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.errors import ValidationFailed
from processing_emulator.logs.reading import LOG_GROUP, log_group_not_found


def group_arn(context: RequestContext, group: str = LOG_GROUP) -> str:
    """The ARN of a group, without the `:*` that the service appends in places."""
    return f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}"


def require_the_group(context: RequestContext, request: Mapping[str, Any]) -> None:
    """Check that a request names the one group there is, by name or ARN. Raises ValidationFailed, LogNotFound."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise ValidationFailed("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    named = identifier if name is None else name
    if named is None:
        raise ValidationFailed("At least one of logGroupName or logGroupIdentifier must be specified.")
    if named not in (LOG_GROUP, *([] if identifier is None else [group_arn(context)])):
        raise log_group_not_found()
