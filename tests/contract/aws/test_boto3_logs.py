"""A real boto3 client of CloudWatch Logs: the names of spec 5.1, the events of 5.2, the traps of 5.3."""

import re
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from processing_emulator.domain.phase import JobPhase
from processing_emulator.ports import RawLine
from tests.builders import a_key
from tests.contract.aws.live_server import a_client
from tests.contract.aws.served_operations import Served, refusal_of
from tests.contract.ports.stores import LIMITS
from tests.log_batches import batch_of_lines

GROUP = "/aws/sagemaker/ProcessingJobs"
ARN = f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}"
AT = 1_800_000_000_000
NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.")
FORWARD = re.compile(r"f/[0-9]{56}/s")
BACKWARD = re.compile(r"b/[0-9]{56}/s")


@pytest.fixture(scope="module")
def logs(shared: Served) -> Any:
    return a_client(shared.url, service="logs")


def printed(served: Served, name: str, *lines: bytes, index: int = 0) -> str:
    """A job that has printed and ended; the name of its stream."""
    if index == 0:
        served.create(name)
        served.api.move(served.api.service.describe(a_key(name)), JobPhase.RUNNING)
    job = served.api.service.describe(a_key(name))
    served.api.store.ensure_instances(job.id, [LIMITS] * (index + 1))
    raw = [RawLine(at_ns=(AT + n) * 1_000_000, data=line) for n, line in enumerate(lines)]
    served.api.logs.append_output(job.id, index, batch_of_lines(raw))
    assert job.started_at is not None
    return f"{name}/algo-{index + 1}-{int(job.started_at.timestamp())}"


def messages(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_16_the_group_is_unknown_until_a_job_has_printed(served: Served, logs: Any) -> None:
    served.create("silent")

    assert refusal_of(logs.describe_log_streams, logGroupName=GROUP) == NO_GROUP
    assert refusal_of(logs.get_log_events, logGroupName=GROUP, logStreamName="s") == NO_GROUP
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/")["logGroups"] == []


def test_sdks_swallow_the_unknown_group_by_its_class(served: Served, logs: Any) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="job/", orderBy="LogStreamName", limit=1)


def test_16_a_known_group_without_matching_streams_is_an_empty_list(served: Served, logs: Any) -> None:
    printed(served, "job", b"a")

    answer = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="other/")

    assert answer["logStreams"] == []
    assert "nextToken" not in answer


def test_a_stream_is_described_in_whole_milliseconds(served: Served, logs: Any) -> None:
    name = printed(served, "Job", b"a", b"b")

    [stream] = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="Job/")["logStreams"]

    assert re.fullmatch(r"[0-9]{56}", stream.pop("uploadSequenceToken"))
    assert stream == {
        "logStreamName": name,
        "creationTime": AT,
        "firstEventTimestamp": AT,
        "lastEventTimestamp": AT + 1,
        "lastIngestionTime": AT + 1,
        "arn": f"{ARN}:log-stream:{name}",
        "storedBytes": 0,
    }


def test_pages_of_streams_through_the_paginator(served: Served, logs: Any) -> None:
    names = sorted(printed(served, name, b"x") for name in ("b", "a", "c", "a-b"))
    paginate = logs.get_paginator("describe_log_streams").paginate

    def listed(**query: Any) -> list[str]:
        pages = paginate(logGroupName=GROUP, limit=2, **query)
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]

    assert listed(orderBy="LogStreamName") == names
    assert listed(descending=True) == names[::-1]
    assert sorted(listed(orderBy="LastEventTime", descending=True)) == names
    assert listed(logStreamNamePrefix="a") == names[:2]
    assert "nextToken" not in logs.describe_log_streams(logGroupName=GROUP, limit=4)


def test_order_by_time_does_not_go_with_a_prefix(served: Served, logs: Any) -> None:
    printed(served, "job", b"x")

    assert refusal_of(
        logs.describe_log_streams, logGroupName=GROUP, logStreamNamePrefix="job/", orderBy="LastEventTime"
    ) == ("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")


def test_two_hosts_have_two_streams(served: Served, logs: Any) -> None:
    names = [printed(served, "job", b"one"), printed(served, "job", b"two", index=1)]

    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="job/")["logStreams"]

    assert [stream["logStreamName"] for stream in streams] == names
    assert messages(logs.get_log_events(logGroupName=GROUP, logStreamName=names[1], startFromHead=True)) == ["two"]


def test_events_have_integers_and_no_newline(served: Served, logs: Any) -> None:
    name = printed(served, "job", b"Traceback:", b"  x", b"\ty", b"", b"z" * 16_384, b"rest")

    answer = logs.get_log_events(logGroupName=GROUP, logStreamName=name, startTime=0, startFromHead=True)

    assert messages(answer) == ["Traceback:\n  x", "#011y", "z" * 16_384, "rest"]
    assert answer["events"][0] == {"timestamp": AT, "message": "Traceback:\n  x", "ingestionTime": AT + 5}
    assert FORWARD.fullmatch(answer["nextForwardToken"])
    assert BACKWARD.fullmatch(answer["nextBackwardToken"])


def test_at_the_end_the_token_is_the_one_that_was_given(served: Served, logs: Any) -> None:
    name = printed(served, "job", b"a", b"b")
    query = {"logGroupName": GROUP, "logStreamName": name, "startFromHead": True}
    token = logs.get_log_events(**query)["nextForwardToken"]

    answer = logs.get_log_events(**query, nextToken=token)

    assert answer["events"] == []
    assert answer["nextForwardToken"] == token
    assert messages(logs.get_log_events(**query, nextToken=answer["nextBackwardToken"])) == ["a", "b"]


def test_start_time_is_inclusive_and_end_time_exclusive(served: Served, logs: Any) -> None:
    name = printed(served, "job", b"a", b"b", b"c", b"d")

    answer = logs.get_log_events(logGroupName=GROUP, logStreamName=name, startTime=AT + 1, endTime=AT + 3)

    assert messages(answer) == ["b", "c"]


def test_without_start_from_head_the_last_events_come(served: Served, logs: Any) -> None:
    name = printed(served, "job", *(b"%d" % n for n in range(12)))

    answer = logs.get_log_events(logGroupName=GROUP, logStreamName=name, limit=3)
    assert messages(answer) == ["9", "10", "11"]
    answer = logs.get_log_events(logGroupName=GROUP, logStreamName=name, limit=3, nextToken=answer["nextBackwardToken"])
    assert messages(answer) == ["6", "7", "8"]


def test_a_page_holds_ten_thousand_events(served: Served, logs: Any) -> None:
    name = printed(served, "job", *(b"%d" % n for n in range(10_005)))
    query = {"logGroupName": GROUP, "logStreamName": name, "startFromHead": True}

    first = logs.get_log_events(**query)
    second = logs.get_log_events(**query, nextToken=first["nextForwardToken"])

    assert messages(first) + messages(second) == [str(n) for n in range(10_005)]
    assert len(first["events"]) == 10_000


def test_unknown_names_are_not_found(served: Served, logs: Any) -> None:
    name = printed(served, "job", b"a")

    assert refusal_of(logs.get_log_events, logGroupName=GROUP, logStreamName="job/algo-1-1") == NO_STREAM
    assert refusal_of(logs.get_log_events, logGroupName="/aws/other", logStreamName=name) == NO_GROUP
    assert refusal_of(logs.describe_log_streams, logGroupName="/aws/sagemaker/TrainingJobs") == NO_GROUP
    other = a_client(served.url, service="logs", access_key="111122223333")
    assert refusal_of(other.describe_log_streams, logGroupName=GROUP) == NO_GROUP


def test_the_group_can_be_named_by_its_arn(served: Served, logs: Any) -> None:
    name = printed(served, "job", b"a")

    assert messages(logs.get_log_events(logGroupIdentifier=ARN, logStreamName=name)) == ["a"]
    code, _ = refusal_of(logs.get_log_events, logGroupIdentifier=ARN, logGroupName=GROUP, logStreamName=name)
    assert code == "InvalidParameterException"
    assert refusal_of(logs.get_log_events, logStreamName=name)[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    "wrong", [{"limit": 0}, {"limit": 10_001}, {"startTime": -1}, {"nextToken": "f/1/s"}, {"logStreamName": "a:b"}]
)
def test_wrong_values_are_invalid_parameters(served: Served, wrong: dict[str, Any]) -> None:
    name = printed(served, "job", b"a")
    client = boto3.session.Session().client(
        "logs",
        endpoint_url=served.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"max_attempts": 0}),
    )

    with pytest.raises(ClientError) as refusal:
        client.get_log_events(**{"logGroupName": GROUP, "logStreamName": name, **wrong})

    assert refusal.value.response["Error"]["Code"] == "InvalidParameterException"


def test_the_log_of_a_deleted_job_stays(served: Served, logs: Any) -> None:
    name = printed(served, "job", b"a")
    served.api.move(served.api.service.describe(a_key()), JobPhase.COMPLETED)
    served.client.delete_processing_job(ProcessingJobName="job")

    [stream] = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="job/")["logStreams"]

    assert stream["logStreamName"] == name
    assert messages(logs.get_log_events(logGroupName=GROUP, logStreamName=name)) == ["a"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, True),
        ({"logGroupNamePrefix": "/aws/sagemaker"}, True),
        ({"logGroupNamePrefix": "/AWS"}, False),
        ({"logGroupNamePattern": "processing"}, True),
        ({"logGroupNamePattern": "training"}, False),
        ({"logGroupIdentifiers": [GROUP]}, True),
        ({"logGroupIdentifiers": ["other"]}, False),
        ({"logGroupClass": "INFREQUENT_ACCESS"}, False),
        ({"accountIdentifiers": ["111122223333"]}, False),
    ],
)
def test_groups_are_filtered(served: Served, logs: Any, query: dict[str, Any], found: bool) -> None:
    printed(served, "job", b"a")

    groups = logs.describe_log_groups(**query)["logGroups"]

    assert [group["logGroupName"] for group in groups] == ([GROUP] if found else [])
    assert all((group["logGroupArn"], group["arn"], group["creationTime"]) == (ARN, f"{ARN}:*", AT) for group in groups)


def test_contradictory_questions_about_groups_are_refused(served: Served, logs: Any) -> None:
    for query in ({"logGroupNamePrefix": "a", "logGroupNamePattern": "a"}, {"nextToken": "x"}):
        assert refusal_of(logs.describe_log_groups, **query)[0] == "InvalidParameterException"
