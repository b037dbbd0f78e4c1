"""PutMetricAlarm, DescribeAlarms and DeleteAlarms: stacks that have alarms apply. Alarms are kept and not evaluated."""

from collections.abc import Mapping
from typing import Any, Final

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.named_pages import page_after
from processing_emulator.aws.services.operation import Handler
from processing_emulator.errors import (
    InvalidNextToken,
    InvalidParameterCombination,
    InvalidParameterValue,
    MissingParameter,
    ValidationFailed,
)
from processing_emulator.metrics.periods import check_period
from processing_emulator.ports import Alarm, AlarmKey, AlarmStore, Clock

STATE: Final = "INSUFFICIENT_DATA"
STATE_REASON: Final = "The emulator keeps alarms and does not evaluate them"

_DEFAULTS: Final = {
    "ActionsEnabled": True,
    "OKActions": [],
    "AlarmActions": [],
    "InsufficientDataActions": [],
    "Dimensions": [],
}
_PAGE: Final = 50


def put_metric_alarm(store: AlarmStore, clock: Clock) -> Handler:
    """The handler. Tags of a request count for a new alarm only, as with the service."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> None:
        _check(request)
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
        members = {name: value for name, value in request.items() if name != "Tags"}
        key = AlarmKey(context.account, context.region, request["AlarmName"])
        store.put_alarm(Alarm(key=key, request=members, tags=tags, updated_at=clock.now()))

    return handle


def _check(request: Mapping[str, Any]) -> None:
    """Raises MissingParameter, InvalidParameterCombination, InvalidParameterValue, ValidationFailed."""
    if "\0" in request["AlarmName"]:
        raise InvalidParameterValue("The value for parameter AlarmName has a control character.")
    if ("MetricName" in request) == ("Metrics" in request) and "EvaluationCriteria" not in request:
        raise ValidationFailed("Either MetricName or Metrics must be specified, and not both.")
    if "MetricName" not in request:
        return
    for name in ("Namespace", "Period", "EvaluationPeriods", "ComparisonOperator"):
        if name not in request:
            raise MissingParameter(f"The parameter {name} is required.")
    if ("Statistic" in request) == ("ExtendedStatistic" in request):
        raise InvalidParameterCombination("Either Statistic or ExtendedStatistic must be specified, and not both.")
    if "Threshold" not in request and "ThresholdMetricId" not in request:
        raise MissingParameter("The parameter Threshold is required.")
    check_period(request["Period"])


def describe_alarms(store: AlarmStore) -> Handler:
    """The handler. There are no composite and no log alarms here."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        wanted = request.get("AlarmTypes", ["MetricAlarm"])
        if "AlarmNames" in request and "AlarmNamePrefix" in request:
            raise InvalidParameterCombination("AlarmNames and AlarmNamePrefix cannot be in one request.")
        alarms = store.list_alarms(context.account, context.region) if "MetricAlarm" in wanted else []
        fitting = {alarm.key.name: alarm for alarm in alarms if _is_asked_for(alarm, request)}
        try:
            page = page_after(fitting, request.get("NextToken"), request.get("MaxRecords", _PAGE))
        except ValueError as error:
            raise InvalidNextToken("The value for parameter NextToken is not valid.") from error
        found = [_member(fitting[name]) for name in page.names]
        return present(MetricAlarms=found, CompositeAlarms=[], NextToken=page.token)

    return handle


def _is_asked_for(alarm: Alarm, request: Mapping[str, Any]) -> bool:
    members = {**_DEFAULTS, **alarm.request}
    actions = [*members["OKActions"], *members["AlarmActions"], *members["InsufficientDataActions"]]
    prefix = request.get("ActionPrefix", "")
    return (
        ("AlarmNames" not in request or alarm.key.name in request["AlarmNames"])
        and alarm.key.name.startswith(request.get("AlarmNamePrefix", ""))
        and request.get("StateValue", STATE) == STATE
        and (not prefix or any(action.startswith(prefix) for action in actions))
        and "ChildrenOfAlarmName" not in request
        and "ParentsOfAlarmName" not in request
    )


def _member(alarm: Alarm) -> Mapping[str, object]:
    return {
        **_DEFAULTS,
        **alarm.request,
        "AlarmArn": alarm.key.arn,
        "AlarmConfigurationUpdatedTimestamp": alarm.updated_at,
        "StateValue": STATE,
        "StateReason": STATE_REASON,
        "StateUpdatedTimestamp": alarm.updated_at,
        "StateTransitionedTimestamp": alarm.updated_at,
    }


def delete_alarms(store: AlarmStore) -> Handler:
    """The handler. Names that there are no alarms of do not matter."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> None:
        store.delete_alarms(context.account, context.region, request["AlarmNames"])

    return handle
