"""Writing log groups through boto3, and the call sequences of Terraform's and CDK's log groups."""

from contextlib import suppress
from typing import Any

import pytest

from tests.contract.aws.served_operations import Served, refusal_of
from tests.contract.aws.test_boto3_logs import GROUP as JOBS_GROUP
from tests.contract.aws.test_boto3_logs import NO_GROUP, NO_STREAM, logs, messages, printed
from tests.unit.jobs.job_requests import START

__all__ = ["logs"]

GROUP = "/app/one"
ARN = f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}"
NOW = int(START.timestamp() * 1000)


@pytest.fixture
def group(served: Served, logs: Any) -> str:
    """A new group with a stream `s`, on an empty server."""
    logs.create_log_group(logGroupName=GROUP, tags={"team": "ml"})
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    return GROUP


def described(logs: Any) -> dict[str, Any]:
    [found] = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert isinstance(found, dict)
    return found


def test_what_is_created_is_described(group: str, logs: Any) -> None:
    found = described(logs)

    assert (found["arn"], found["storedBytes"], found["logGroupClass"]) == (f"{ARN}:*", 0, "STANDARD")
    assert "retentionInDays" not in found
    [stream] = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert stream["logStreamName"] == "s"
    assert "firstEventTimestamp" not in stream
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="s")) == []


def test_names_that_are_taken_or_unknown_are_refused_by_their_class(group: str, logs: Any) -> None:
    exists = "ResourceAlreadyExistsException"
    assert refusal_of(logs.create_log_group, logGroupName=GROUP) == (exists, "The specified log group already exists")
    assert refusal_of(logs.create_log_stream, logGroupName=GROUP, logStreamName="s") == (
        exists,
        "The specified log stream already exists",
    )
    assert refusal_of(logs.create_log_stream, logGroupName="/other", logStreamName="s") == NO_GROUP
    assert refusal_of(logs.delete_log_group, logGroupName="/other") == NO_GROUP
    assert refusal_of(logs.delete_log_stream, logGroupName=GROUP, logStreamName="t") == NO_STREAM
    assert refusal_of(logs.put_retention_policy, logGroupName="/other", retentionInDays=1) == NO_GROUP
    event = {"timestamp": NOW, "message": "x"}
    assert refusal_of(logs.put_log_events, logGroupName=GROUP, logStreamName="t", logEvents=[event]) == NO_STREAM
    assert refusal_of(logs.list_tags_for_resource, resourceArn=f"{ARN}-other") == NO_GROUP
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=GROUP)


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("create_log_group", {"logGroupName": "aws/x"}),
        ("create_log_group", {"logGroupName": "/x", "kmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/x"}),
        ("create_log_group", {"logGroupName": "/x", "deletionProtectionEnabled": True}),
        ("create_log_group", {"logGroupName": "/x", "tags": {"aws:x": "y"}}),
        ("create_log_stream", {"logGroupName": GROUP, "logStreamName": "a:b"}),
        ("put_retention_policy", {"logGroupName": GROUP, "retentionInDays": 2}),
        (
            "put_log_events",
            {
                "logGroupName": GROUP,
                "logStreamName": "s",
                "logEvents": [{"timestamp": NOW, "message": "x"}, {"timestamp": NOW - 1, "message": "y"}],
            },
        ),
    ],
)
def test_wrong_requests_are_invalid_parameters(group: str, logs: Any, call: str, parameters: dict[str, Any]) -> None:
    assert refusal_of(getattr(logs, call), **parameters)[0] == "InvalidParameterException"


def test_events_are_put_and_read_back_by_time(group: str, logs: Any) -> None:
    later = [{"timestamp": NOW + 10, "message": "c"}, {"timestamp": NOW + 20, "message": "d"}]
    earlier = [{"timestamp": NOW, "message": "a"}, {"timestamp": NOW + 10, "message": "c2"}]
    answer = logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=later, sequenceToken="ignored")
    assert "rejectedLogEventsInfo" not in answer
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=earlier)

    assert messages(logs.get_log_events(logGroupName=group, logStreamName="s")) == ["a", "c", "c2", "d"]
    assert messages(logs.filter_log_events(logGroupName=group, filterPattern="c")) == ["c", "c2"]
    [stream] = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (NOW, NOW + 20)


def test_what_is_not_taken_is_said(group: str, logs: Any) -> None:
    hour = 3_600_000
    times = [NOW - 15 * 24 * hour, NOW, NOW + 9 * hour]
    answer = logs.put_log_events(
        logGroupName=group, logStreamName="s", logEvents=[{"timestamp": time, "message": "x"} for time in times]
    )

    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}


def test_a_mebibyte_of_events_is_taken_however_it_is_written(group: str, logs: Any) -> None:
    events = [{"timestamp": NOW, "message": "\x01" * 500_000}] * 2

    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)

    read = messages(logs.get_log_events(logGroupName=group, logStreamName="s"))
    assert [len(message) for message in read] == [500_000, 500_000]


def test_pages_of_groups_through_the_paginator(served: Served, logs: Any) -> None:
    names = [f"/g/{number:02d}" for number in range(7)]
    for name in reversed(names):
        logs.create_log_group(logGroupName=name)

    pages = list(logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 3}))

    assert [[group["logGroupName"] for group in page["logGroups"]] for page in pages] == [
        names[:3],
        names[3:6],
        names[6:],
    ]
    token = logs.describe_log_groups(limit=3)["nextToken"]
    code, _ = refusal_of(logs.describe_log_groups, nextToken=token, logGroupNamePrefix="/g")
    assert code == "InvalidParameterException"


def test_there_are_at_most_fifty_tags(group: str, logs: Any) -> None:
    tags = {f"k{number}": "v" for number in range(50)}

    assert refusal_of(logs.tag_resource, resourceArn=ARN, tags=tags)[0] == "TooManyTagsException"
    assert logs.list_tags_for_resource(resourceArn=ARN)["tags"] == {"team": "ml"}


@pytest.mark.parametrize("arn", [ARN.replace("log-group", "destination"), ARN.replace("us-east", "eu-west")])
def test_other_resources_have_no_tags(group: str, logs: Any, arn: str) -> None:
    assert refusal_of(logs.list_tags_for_resource, resourceArn=arn)[0] == "ResourceNotFoundException"


def terraform_refresh(logs: Any) -> tuple[dict[str, Any], dict[str, str]] | None:
    """How the provider reads `aws_cloudwatch_log_group`: by prefix, then exactly, then the tags of the ARN."""
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=GROUP)
    found = [group for page in pages for group in page["logGroups"] if group["logGroupName"] == GROUP]
    if not found:
        return None
    tags = logs.list_tags_for_resource(resourceArn=found[0]["arn"].removesuffix(":*"))["tags"]
    return found[0], tags


def test_terraform_applies_changes_and_destroys_a_log_group(served: Served, logs: Any) -> None:
    assert terraform_refresh(logs) is None
    logs.create_log_group(logGroupName=GROUP, logGroupClass="STANDARD", tags={"Name": "one", "old": "x"})
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=14)
    applied = terraform_refresh(logs)
    assert applied is not None
    assert (applied[0]["retentionInDays"], applied[1]) == (14, {"Name": "one", "old": "x"})
    assert terraform_refresh(logs) == applied

    logs.delete_retention_policy(logGroupName=GROUP)
    logs.untag_resource(resourceArn=ARN, tagKeys=["old"])
    logs.tag_resource(resourceArn=ARN, tags={"Name": "two"})
    changed = terraform_refresh(logs)
    assert changed is not None
    assert ("retentionInDays" in changed[0], changed[1]) == (False, {"Name": "two"})

    logs.delete_log_group(logGroupName=GROUP)
    assert terraform_refresh(logs) is None
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_group(logGroupName=GROUP)


def cdk_log_retention(logs: Any, days: int | None, tags: dict[str, str]) -> None:
    """What CDK's LogRetention provider does on Create and Update, for the group that jobs made."""
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=JOBS_GROUP)
    if days is None:
        logs.delete_retention_policy(logGroupName=JOBS_GROUP)
    else:
        logs.put_retention_policy(logGroupName=JOBS_GROUP, retentionInDays=days)
    stored = logs.list_tags_log_group(logGroupName=JOBS_GROUP)["tags"]
    if removed := [key for key in stored if key not in tags]:
        logs.untag_log_group(logGroupName=JOBS_GROUP, tags=removed)
    if tags:
        logs.tag_log_group(logGroupName=JOBS_GROUP, tags=tags)


def test_cdk_sets_the_retention_of_the_group_of_jobs(served: Served, logs: Any) -> None:
    printed(served, "job", b"a")

    cdk_log_retention(logs, 30, {"stack": "one", "x": "y"})
    cdk_log_retention(logs, 30, {"stack": "one"})
    [group] = logs.describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 30
    assert logs.list_tags_log_group(logGroupName=JOBS_GROUP)["tags"] == {"stack": "one"}
    assert [stream["logStreamName"][:4] for stream in logs.describe_log_streams(logGroupName=JOBS_GROUP)["logStreams"]]

    cdk_log_retention(logs, None, {})
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    logs.delete_log_group(logGroupName=JOBS_GROUP)
    assert logs.describe_log_groups()["logGroups"] == []
