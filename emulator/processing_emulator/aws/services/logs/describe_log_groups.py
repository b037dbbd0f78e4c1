"""DescribeLogGroups: the one group of processing jobs, once a job has printed something (spec 5.1)."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.logs.log_names import group_arn
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import ValidationFailed
from processing_emulator.logs.reading import LOG_GROUP, LogReading


def describe_log_groups(reading: LogReading) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        if "logGroupNamePrefix" in request and "logGroupNamePattern" in request:
            raise ValidationFailed("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        if "nextToken" in request:
            raise ValidationFailed("The specified nextToken is invalid.")
        created_ms = reading.group_created_ms(context.account, context.region)
        if created_ms is None or not _is_asked_for(context, request):
            return {"logGroups": []}
        return {"logGroups": [_group(context, created_ms)]}

    return handle


def _is_asked_for(context: RequestContext, request: Mapping[str, Any]) -> bool:
    """Prefixes keep their case, patterns do not."""
    return (
        LOG_GROUP.startswith(request.get("logGroupNamePrefix", ""))
        and request.get("logGroupNamePattern", "").lower() in LOG_GROUP.lower()
        and request.get("logGroupClass", "STANDARD") == "STANDARD"
        and ("logGroupIdentifiers" not in request or _is_among(context, request["logGroupIdentifiers"]))
        and ("accountIdentifiers" not in request or context.account in request["accountIdentifiers"])
    )


def _is_among(context: RequestContext, identifiers: list[str]) -> bool:
    return LOG_GROUP in identifiers or group_arn(context) in identifiers


def _group(context: RequestContext, created_ms: int) -> Mapping[str, object]:
    arn = group_arn(context)
    return {
        "logGroupName": LOG_GROUP,
        "creationTime": created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
    }
