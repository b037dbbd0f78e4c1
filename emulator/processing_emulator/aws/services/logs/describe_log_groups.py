"""DescribeLogGroups. The first job that prints something makes the group of processing jobs (spec 5.1)."""

from collections.abc import Mapping, Sequence
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.logs.group_and_stream_members import group_arn
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.log_names import LogGroupKey
from processing_emulator.errors import ValidationFailed
from processing_emulator.logs.page_tokens import open_page, seal_page, wrong_token
from processing_emulator.logs.reading import LogReading
from processing_emulator.ports import LogGroup

MOST_GROUPS = 50
"""What a page holds when the request names no limit, which cannot be higher."""

_FILTERS = ("logGroupNamePrefix", "logGroupNamePattern", "logGroupClass", "logGroupIdentifiers", "accountIdentifiers")


def describe_log_groups(reading: LogReading) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        if "logGroupNamePrefix" in request and "logGroupNamePattern" in request:
            raise ValidationFailed("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        groups = reading.groups(context.account, context.region)
        asked_for = [group for group in groups if _is_asked_for(group, request)]
        bound = [context.account, context.region, *(request.get(name) for name in _FILTERS)]
        if "nextToken" in request:
            last = _last_name(request["nextToken"], bound)
            asked_for = [group for group in asked_for if group.key.name > last]
        page = asked_for[: request.get("limit", MOST_GROUPS)]
        token = seal_page([page[-1].key.name], bound) if len(page) < len(asked_for) else None
        return present(logGroups=[_group(group) for group in page], nextToken=token)

    return handle


def _last_name(token: str, bound: Sequence[object]) -> str:
    match open_page(token, bound):
        case [str(name)]:
            return name
    raise wrong_token()


def _is_asked_for(listed: LogGroup, request: Mapping[str, Any]) -> bool:
    """Prefixes are case-sensitive, patterns are not."""
    group = listed.key
    return (
        group.name.startswith(request.get("logGroupNamePrefix", ""))
        and request.get("logGroupNamePattern", "").lower() in group.name.lower()
        and request.get("logGroupClass", listed.log_class) == listed.log_class
        and ("logGroupIdentifiers" not in request or _is_among(group, request["logGroupIdentifiers"]))
        and ("accountIdentifiers" not in request or group.account in request["accountIdentifiers"])
    )


def _is_among(group: LogGroupKey, identifiers: list[str]) -> bool:
    return group.name in identifiers or group_arn(group) in identifiers


def _group(group: LogGroup) -> Mapping[str, object]:
    arn = group_arn(group.key)
    return {
        "logGroupName": group.key.name,
        "creationTime": group.created_at_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": group.stored_bytes,
        "logGroupClass": group.log_class,
        "logGroupArn": arn,
        **present(retentionInDays=group.retention_days),
    }
