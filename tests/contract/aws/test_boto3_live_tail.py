"""StartLiveTail through boto3, without the host prefix that it puts before the name of a server."""

from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.contract.aws.served_operations import Served, refusal_of
from tests.contract.aws.test_boto3_log_groups import ARN, GROUP, NOW

UNKNOWN = "arn:aws:logs:us-east-1:000000000000:log-group:/other"


@pytest.fixture(scope="module")
def logs(shared: Served) -> Any:
    return boto3.session.Session().client(
        "logs",
        endpoint_url=shared.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(inject_host_prefix=False, retries={"max_attempts": 0}),
    )


@pytest.fixture
def group(served: Served, logs: Any) -> str:
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    return GROUP


def put(logs: Any, *messages: str) -> None:
    events = [{"timestamp": NOW, "message": message} for message in messages]
    logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=events)


def test_events_are_shown_as_they_come(group: str, logs: Any) -> None:
    put(logs, "ERROR before")

    answer = logs.start_live_tail(logGroupIdentifiers=[ARN], logEventFilterPattern="ERROR")
    stream = answer["responseStream"]
    events = iter(stream)
    start = next(events)["sessionStart"]
    put(logs, "ERROR one", "two", "ERROR three")
    update = next(event["sessionUpdate"] for event in events if event["sessionUpdate"]["sessionResults"])
    stream.close()

    assert start["logGroupIdentifiers"] == [ARN]
    assert start["logEventFilterPattern"] == "ERROR"
    assert start["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert start["sessionId"]
    assert update["sessionMetadata"] == {"sampled": False}
    assert [result["message"] for result in update["sessionResults"]] == ["ERROR one", "ERROR three"]
    first = update["sessionResults"][0]
    assert (first["logStreamName"], first["timestamp"]) == ("s", NOW)
    assert first["logGroupIdentifier"] == f"000000000000:{GROUP}"


def test_many_events_come_in_several_updates(group: str, logs: Any) -> None:
    stream = logs.start_live_tail(logGroupIdentifiers=[ARN], logStreamNames=["s"])["responseStream"]
    events = iter(stream)
    next(events)
    put(logs, *(str(number) for number in range(1200)))

    found: list[str] = []
    sizes: list[int] = []
    while len(found) < 1200:
        results = next(events)["sessionUpdate"]["sessionResults"]
        sizes += [len(results)] if results else []
        found += [result["message"] for result in results]
    stream.close()

    assert found == [str(number) for number in range(1200)]
    assert sizes == [500, 500, 200]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"logGroupIdentifiers": [UNKNOWN]}, "ResourceNotFoundException"),
        ({"logGroupIdentifiers": [ARN, UNKNOWN], "logStreamNames": ["s"]}, "InvalidParameterException"),
        (
            {"logGroupIdentifiers": [ARN], "logStreamNames": ["s"], "logStreamNamePrefixes": ["s"]},
            "InvalidParameterException",
        ),
        ({"logGroupIdentifiers": [ARN], "logEventFilterPattern": "a:b"}, "InvalidParameterException"),
    ],
)
def test_wrong_sessions_are_refused(group: str, logs: Any, query: dict[str, Any], code: str) -> None:
    assert refusal_of(logs.start_live_tail, **query)[0] == code
