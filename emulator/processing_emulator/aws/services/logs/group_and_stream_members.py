"""How requests and replies of CloudWatch Logs name groups and streams."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import LogNotFound, ValidationFailed


def group_arn(group: LogGroupKey) -> str:
    """The ARN of a group, without the `:*` that the service appends in places."""
    return f"arn:aws:logs:{group.region}:{group.account}:log-group:{group.name}"


def group_of_arn(context: RequestContext, arn: str) -> LogGroupKey:
    """The group of an ARN, with or without the `:*` at its end. Raises LogNotFound for ARNs of anything else."""
    prefix = group_arn(LogGroupKey(context.account, context.region, ""))
    name = arn.removeprefix(prefix).removesuffix(":*")
    if not arn.startswith(prefix) or ":" in name:
        raise LogNotFound("The specified resource does not exist.")
    return LogGroupKey(context.account, context.region, name)


def own_group(context: RequestContext, request: Mapping[str, Any]) -> LogGroupKey:
    """The group that a request names by `logGroupName`."""
    return LogGroupKey(context.account, context.region, request["logGroupName"])


def group_named(context: RequestContext, request: Mapping[str, Any]) -> LogGroupKey:
    """The group that a request names, by name or ARN. Raises ValidationFailed."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise ValidationFailed("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if name is None and identifier is None:
        raise ValidationFailed("At least one of logGroupName or logGroupIdentifier must be specified.")
    return own_group(context, request) if identifier is None else group_identified(context, identifier)


def group_identified(context: RequestContext, identifier: str) -> LogGroupKey:
    """The group of a name or an ARN."""
    name = identifier.removeprefix(group_arn(LogGroupKey(context.account, context.region, ""))).removesuffix(":*")
    return LogGroupKey(context.account, context.region, name)
