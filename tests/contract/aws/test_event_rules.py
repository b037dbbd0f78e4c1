"""Rules of EventBridge as infrastructure code calls for them: applied, read, applied again, changed, destroyed.

The sequences are those of Terraform's `aws_cloudwatch_event_rule` and `aws_cloudwatch_event_target`.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.aws.live_server import a_client, serving
from tests.contract.aws.served_operations import refusal_of
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import Api

ARN = "arn:aws:events:us-east-1:000000000000:rule/failed-jobs"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:failures"
PATTERN = json.dumps(
    {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Processing Job State Change"],
        "detail": {"ProcessingJobStatus": ["Failed", "Stopped"]},
    }
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    with serving(app_over(Api())) as url:
        yield a_client(url, service="events")


@pytest.fixture
def events(shared: Any) -> Any:
    """A client of a server without rules."""
    for rule in shared.list_rules()["Rules"]:
        ids = [target["Id"] for target in shared.list_targets_by_rule(Rule=rule["Name"])["Targets"]]
        if ids:
            shared.remove_targets(Rule=rule["Name"], Ids=ids)
        shared.delete_rule(Name=rule["Name"])
    return shared


def body(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def tags(events: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in events.list_tags_for_resource(ResourceARN=ARN)["Tags"]}


def test_terraform_s_calls_apply_change_and_destroy_a_rule_with_a_target(events: Any) -> None:
    rule = {"Name": "failed-jobs", "EventBusName": "default", "EventPattern": PATTERN, "State": "ENABLED"}
    for _ in range(2):  # applied, and applied again after the state was lost
        put = events.put_rule(**rule, Description="of the team", Tags=[{"Key": "team", "Value": "a"}])
        assert body(put) == {"RuleArn": ARN}
        assert body(events.describe_rule(Name="failed-jobs", EventBusName="default")) == {
            **rule,
            "Arn": ARN,
            "Description": "of the team",
            "CreatedBy": "000000000000",
        }
        assert tags(events) == {"team": "a"}
        target = {"Id": "queue", "Arn": QUEUE, "InputPath": "$.detail"}
        answer = events.put_targets(Rule="failed-jobs", EventBusName="default", Targets=[target])
        assert body(answer) == {"FailedEntryCount": 0, "FailedEntries": []}
        assert events.list_targets_by_rule(Rule="failed-jobs", EventBusName="default")["Targets"] == [target]

    events.put_rule(**{**rule, "State": "DISABLED"})
    events.tag_resource(ResourceARN=ARN, Tags=[{"Key": "team", "Value": "b"}, {"Key": "x", "Value": "y"}])
    events.untag_resource(ResourceARN=ARN, TagKeys=["x", "none"])
    changed = events.describe_rule(Name="failed-jobs")
    assert (changed["State"], changed.get("Description"), tags(events)) == ("DISABLED", None, {"team": "b"})

    assert refusal_of(events.delete_rule, Name="failed-jobs") == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    removed = events.remove_targets(Rule="failed-jobs", EventBusName="default", Ids=["queue"])
    assert body(removed) == {"FailedEntryCount": 0, "FailedEntries": []}
    events.delete_rule(Name="failed-jobs", EventBusName="default", Force=True)
    assert refusal_of(events.describe_rule, Name="failed-jobs") == (
        "ResourceNotFoundException",
        "Rule failed-jobs does not exist on EventBus default.",
    )
    events.delete_rule(Name="failed-jobs")


def test_lists_have_pages(events: Any) -> None:
    for name in ("b", "a", "x-1", "x-2"):
        events.put_rule(Name=name, EventPattern=PATTERN)
    events.put_targets(Rule="a", Targets=[{"Id": each, "Arn": QUEUE} for each in ("3", "1", "2")])

    bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    names: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        page = events.list_rules(Limit=3, EventBusName=bus, **token)
        names.append([rule["Name"] for rule in page["Rules"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    targets = events.list_targets_by_rule(Rule="a", Limit=2)
    rest = events.list_targets_by_rule(Rule="a", Limit=2, NextToken=targets["NextToken"])

    assert names == [["a", "b", "x-1"], ["x-2"]]
    assert [rule["Name"] for rule in events.list_rules(NamePrefix="x-")["Rules"]] == ["x-1", "x-2"]
    assert [target["Id"] for target in targets["Targets"] + rest["Targets"]] == ["1", "2", "3"]
    assert refusal_of(events.list_rules, NextToken="x")[0] == "ValidationException"


def test_a_rule_is_switched_off_and_on(events: Any) -> None:
    events.put_rule(Name="rule", EventPattern=PATTERN)
    events.disable_rule(Name="rule")
    assert events.describe_rule(Name="rule")["State"] == "DISABLED"
    events.enable_rule(Name="rule")
    assert events.describe_rule(Name="rule")["State"] == "ENABLED"


def test_a_pattern_is_tried_out(events: Any) -> None:
    event = {"source": "aws.sagemaker", "detail-type": "x", "detail": {}}
    assert events.test_event_pattern(EventPattern='{"source":["aws.sagemaker"]}', Event=json.dumps(event))["Result"]
    assert not events.test_event_pattern(EventPattern=PATTERN, Event=json.dumps(event))["Result"]


@pytest.mark.parametrize(
    ("call", "parameters", "code", "text"),
    [
        ("put_rule", {"Name": "r"}, "ValidationException", "EventPattern or ScheduleExpression must be specified"),
        (
            "put_rule",
            {"Name": "r", "ScheduleExpression": "rate(1 day)"},
            "ValidationException",
            "ScheduleExpression is not",
        ),
        ("put_rule", {"Name": "r", "EventPattern": "{"}, "InvalidEventPatternException", "it is not valid JSON"),
        (
            "put_rule",
            {"Name": "r", "EventPattern": '{"source":[{"wildcard":"*"}]}'},
            "InvalidEventPatternException",
            "does not support wildcard",
        ),
        (
            "put_rule",
            {"Name": "r", "EventPattern": PATTERN, "EventBusName": "mine"},
            "ResourceNotFoundException",
            "Event bus mine does not exist.",
        ),
        (
            "put_targets",
            {"Rule": "none", "Targets": [{"Id": "1", "Arn": QUEUE}]},
            "ResourceNotFoundException",
            "Rule none",
        ),
        ("enable_rule", {"Name": "none"}, "ResourceNotFoundException", "Rule none"),
        ("list_tags_for_resource", {"ResourceARN": ARN}, "ResourceNotFoundException", "failed-jobs"),
        (
            "put_targets",
            {"Rule": "there", "Targets": [{"Id": "1", "Arn": QUEUE, "Input": "{"}]},
            "ValidationException",
            "JSON",
        ),
        (
            "put_targets",
            {"Rule": "there", "Targets": [{"Id": str(number), "Arn": QUEUE} for number in range(6)]},
            "LimitExceededException",
            "exceeds the maximum number",
        ),
        (
            "put_events",
            {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]},
            "UnknownOperationException",
            "PutEvents",
        ),
    ],
)
def test_what_is_refused(events: Any, call: str, parameters: dict[str, Any], code: str, text: str) -> None:
    events.put_rule(Name="there", EventPattern=PATTERN)

    refused = refusal_of(getattr(events, call), **parameters)

    assert refused[0] == code
    assert text in refused[1]
