"""How requests and replies of CloudWatch Logs name groups and streams."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import ValidationFailed


def group_arn(group: LogGroupKey) -> str:
    """The ARN of a group, without the `:*` that the service appends in places."""
    return f"arn:aws:logs:{group.region}:{group.account}:log-group:{group.name}"


def group_named(context: RequestContext, request: Mapping[str, Any]) -> LogGroupKey:
    """The group that a request names, by name or ARN. Raises ValidationFailed."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise ValidationFailed("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    named = identifier if name is None else name
    if named is None:
        raise ValidationFailed("At least one of logGroupName or logGroupIdentifier must be specified.")
    if identifier is not None:
        named = named.removeprefix(group_arn(LogGroupKey(context.account, context.region, "")))
    return LogGroupKey(context.account, context.region, named)
