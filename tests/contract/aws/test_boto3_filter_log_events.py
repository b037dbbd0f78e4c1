"""FilterLogEvents through boto3, as `aws logs tail` and dashboards call it."""

from typing import Any

import pytest

from tests.contract.aws.served_operations import Served, refusal_of
from tests.contract.aws.test_boto3_logs import AT, GROUP, NO_GROUP, NO_STREAM, logs, messages, printed

__all__ = ["logs"]


def test_events_of_all_streams_come_by_time(served: Served, logs: Any) -> None:
    names = [printed(served, "a", b"1", b"2"), printed(served, "b", b"3", b"4")]

    answer = logs.filter_log_events(logGroupName=GROUP)

    assert [(event["timestamp"] - AT, event["logStreamName"], event["message"]) for event in answer["events"]] == [
        (0, names[0], "1"),
        (0, names[1], "3"),
        (1, names[0], "2"),
        (1, names[1], "4"),
    ]
    assert answer["searchedLogStreams"] == []
    assert "nextToken" not in answer
    assert answer["events"][0]["ingestionTime"] == AT + 1
    assert len({event["eventId"] for event in answer["events"]}) == 4


def test_a_filter_pattern_and_times_and_a_prefix_go_together(served: Served, logs: Any) -> None:
    printed(served, "a", b'{"level": "ERROR"}', b'{"level": "INFO"}', b'{"level": "ERROR"}')
    printed(served, "b", b'{"level": "ERROR"}')
    query = {"logGroupName": GROUP, "logStreamNamePrefix": "a/", "filterPattern": '{ $.level = "ERROR" }'}

    assert len(logs.filter_log_events(**query)["events"]) == 2
    assert len(logs.filter_log_events(**query, startTime=AT + 1)["events"]) == 1
    assert len(logs.filter_log_events(**query, endTime=AT + 2, interleaved=True)["events"]) == 1
    assert messages(logs.filter_log_events(**query, startFromHead=False, limit=1, startTime=AT)) == [
        '{"level": "ERROR"}'
    ]


def test_the_paginator_reads_every_event_once(served: Served, logs: Any) -> None:
    printed(served, "a", *(b"a%d" % number for number in range(25)))
    printed(served, "b", *(b"b%d" % number for number in range(25)))

    paginate = logs.get_paginator("filter_log_events").paginate
    pages = list(paginate(logGroupName=GROUP, PaginationConfig={"PageSize": 7}))

    found = [event["message"] for page in pages for event in page["events"]]
    assert found == [f"{name}{number}" for number in range(25) for name in "ab"]
    assert [len(page["events"]) for page in pages] == [7] * 7 + [1]


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"logGroupName": "/aws/other"}, NO_GROUP),
        ({"logGroupName": GROUP, "logStreamNames": ["job/algo-1-1"]}, NO_STREAM),
        (
            {"logGroupName": GROUP, "nextToken": "x"},
            ("InvalidParameterException", "The specified nextToken is invalid."),
        ),
    ],
)
def test_unknown_names_and_tokens_are_refused(
    served: Served, logs: Any, query: dict[str, Any], refusal: tuple[str, str]
) -> None:
    printed(served, "job", b"a")

    assert refusal_of(logs.filter_log_events, **query) == refusal


def test_a_wrong_pattern_is_an_invalid_parameter(served: Served, logs: Any) -> None:
    printed(served, "job", b"a")

    code, text = refusal_of(logs.filter_log_events, logGroupName=GROUP, filterPattern="a:b")

    assert (code, text.partition(";")[0]) == ("InvalidParameterException", "Invalid character(s) in term 'a:b'")
