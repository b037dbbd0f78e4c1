"""Alarms as infrastructure code calls for them: applied, read, applied again, tagged, destroyed; never evaluated."""

from typing import Any

import pytest

from tests.contract.aws.test_cloudwatch_metrics import NAMESPACE, PROTOCOLS, Ask, asking
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import Api

ARN = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:memory"
ALARM: dict[str, Any] = {
    "AlarmName": "memory",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 2,
    "MetricName": "MemoryUtilization",
    "Namespace": NAMESPACE,
    "Period": 60,
    "Statistic": "Maximum",
    "Threshold": 90.5,
    "Dimensions": [{"Name": "Host", "Value": "job/algo-1"}],
    "AlarmActions": ["arn:aws:sns:us-east-1:000000000000:topic"],
}


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture(params=PROTOCOLS)
def ask(api: Api, request: pytest.FixtureRequest) -> Ask:
    return asking(app_over(api), request.param)


def alarms(ask: Ask, **filters: Any) -> list[dict[str, Any]]:
    found = ask("DescribeAlarms", **filters)["MetricAlarms"]
    assert isinstance(found, list)
    return found


def names(ask: Ask, **filters: Any) -> list[str]:
    return [alarm["AlarmName"] for alarm in alarms(ask, **filters)]


def tags(ask: Ask) -> list[dict[str, str]]:
    found = ask("ListTagsForResource", ResourceARN=ARN)["Tags"]
    assert isinstance(found, list)
    return found


def test_terraform_s_calls_apply_change_and_destroy_an_alarm(ask: Ask) -> None:
    ask("PutMetricAlarm", **ALARM, Tags=[{"Key": "team", "Value": "a"}])

    [alarm] = alarms(ask, AlarmNames=["memory"])
    assert {name: alarm[name] for name in ALARM} == ALARM
    assert (alarm["AlarmArn"], alarm["ActionsEnabled"], alarm["OKActions"]) == (ARN, True, [])
    assert (alarm["StateValue"], alarm["StateReason"]) == (
        "INSUFFICIENT_DATA",
        "The emulator keeps alarms and does not evaluate them",
    )
    assert tags(ask) == [{"Key": "team", "Value": "a"}]

    ask("PutMetricAlarm", **{**ALARM, "Threshold": 50, "Tags": [{"Key": "ignored", "Value": "x"}]})
    ask("TagResource", ResourceARN=ARN, Tags=[{"Key": "stage", "Value": "b"}])
    ask("UntagResource", ResourceARN=ARN, TagKeys=["team"])
    assert [each["Threshold"] for each in alarms(ask)] == [50]
    assert tags(ask) == [{"Key": "stage", "Value": "b"}]

    assert "Error" not in ask("DeleteAlarms", AlarmNames=["memory", "nothing"])
    assert alarms(ask) == []
    error = ask("ListTagsForResource", ResourceARN=ARN)["Error"]
    assert error["Code"] == "ResourceNotFoundException"


def test_alarms_are_found_by_name_prefix_action_and_state(ask: Ask) -> None:
    for name in ("b-1", "a-1", "a-2"):
        ask("PutMetricAlarm", **{**ALARM, "AlarmName": name})

    assert names(ask) == ["a-1", "a-2", "b-1"]
    assert names(ask, AlarmNamePrefix="a-") == ["a-1", "a-2"]
    assert names(ask, AlarmNames=["b-1", "c"]) == ["b-1"]
    assert names(ask, StateValue="ALARM") == []
    assert len(names(ask, ActionPrefix="arn:aws:sns:")) == 3
    assert names(ask, ActionPrefix="arn:aws:lambda:") == []
    assert names(ask, AlarmTypes=["CompositeAlarm"]) == []


def test_pages_cover_all_alarms(ask: Ask) -> None:
    for number in range(5):
        ask("PutMetricAlarm", **{**ALARM, "AlarmName": f"a{number}"})
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = ask("DescribeAlarms", MaxRecords=2, **token)
        found += [alarm["AlarmName"] for alarm in page["MetricAlarms"]]
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    assert found == [f"a{number}" for number in range(5)]
    assert ask("DescribeAlarms", NextToken="x")["Error"]["Code"] == "InvalidNextToken"


def test_an_alarm_of_an_expression_is_kept_too(ask: Ask) -> None:
    metrics = [{"Id": "e", "Expression": "m1 * 2", "ReturnData": True}]
    request = {"AlarmName": "math", "ComparisonOperator": "LessThanThreshold", "EvaluationPeriods": 1, "Threshold": 1}
    ask("PutMetricAlarm", **request, Metrics=metrics)
    assert alarms(ask)[0]["Metrics"] == metrics


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Statistic": None}, "InvalidParameterCombination"),
        ({"ExtendedStatistic": "p90"}, "InvalidParameterCombination"),
        ({"Period": None}, "MissingParameter"),
        ({"Period": 61}, "InvalidParameterValue"),
        ({"Threshold": None}, "MissingParameter"),
        ({"MetricName": None}, "ValidationError"),
    ],
)
def test_an_alarm_that_lacks_something_is_refused(ask: Ask, changes: dict[str, Any], code: str) -> None:
    given = {name: value for name, value in {**ALARM, **changes}.items() if value is not None}
    assert ask("PutMetricAlarm", **given)["Error"]["Code"] == code
    assert alarms(ask) == []
