"""Which events a rule's pattern matches (EventBridge User Guide, event patterns)."""

import json
from typing import Any

import pytest

from processing_emulator.domain.event_pattern import compile_pattern
from processing_emulator.errors import InvalidEventPattern

EVENT: dict[str, Any] = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Processing Job State Change",
    "resources": ["arn:aws:sagemaker:us-east-1:000000000000:processing-job/a", "other"],
    "detail": {
        "ProcessingJobName": "Train-2026",
        "ProcessingJobStatus": "Failed",
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 3, "VolumeSizeInGB": 5.5}},
        "ProcessingInputs": [{"InputName": "a", "AppManaged": False}, {"InputName": "b", "AppManaged": True}],
        "ExitMessage": None,
        "Environment": {},
    },
}


def detail(**members: Any) -> dict[str, Any]:
    return {"detail": members}


MATCHING: list[dict[str, Any]] = [
    {"source": ["aws.sagemaker"]},
    {"source": ["x", "aws.sagemaker"], "detail": {"ProcessingJobStatus": ["Failed", "Stopped"]}},
    {"resources": ["other"]},
    {"resources": [{"prefix": "arn:aws:sagemaker"}]},
    detail(ProcessingJobName=[{"prefix": "Train"}]),
    detail(ProcessingJobName=[{"prefix": {"equals-ignore-case": "train-"}}]),
    detail(ProcessingJobName=[{"suffix": "2026"}]),
    detail(ProcessingJobName=[{"suffix": {"equals-ignore-case": "IN-2026"}}]),
    detail(ProcessingJobName=[{"equals-ignore-case": "TRAIN-2026"}]),
    detail(ProcessingJobStatus=[{"anything-but": "InProgress"}]),
    detail(ProcessingJobStatus=[{"anything-but": ["InProgress", "Stopping"]}]),
    detail(ProcessingJobName=[{"anything-but": {"prefix": "test"}}]),
    detail(ProcessingJobName=[{"anything-but": {"suffix": ["2024", "2025"]}}]),
    detail(ProcessingJobStatus=[{"anything-but": {"equals-ignore-case": "completed"}}]),
    detail(ProcessingResources={"ClusterConfig": {"InstanceCount": [3]}}),
    detail(ProcessingResources={"ClusterConfig": {"InstanceCount": [3.0]}}),
    detail(ProcessingResources={"ClusterConfig": {"InstanceCount": [{"numeric": [">", 2, "<=", 3]}]}}),
    detail(ProcessingResources={"ClusterConfig": {"VolumeSizeInGB": [{"numeric": ["=", 5.5]}]}}),
    detail(ProcessingResources={"ClusterConfig": {"InstanceCount": [{"anything-but": 4}]}}),
    detail(ProcessingInputs={"AppManaged": [True]}),
    detail(ExitMessage=[None]),
    detail(FailureReason=[{"exists": False}]),
    detail(NetworkConfig={"VpcConfig": {"Subnets": [{"exists": False}]}}),
    detail(ProcessingJobName=[{"exists": True}]),
    detail(FailureReason=["x", {"exists": False}]),
    {"$or": [{"source": ["x"]}, {"detail": {"ProcessingJobStatus": ["Failed"]}}]},
    detail(**{"$or": [{"ProcessingJobName": ["x"]}, {"ProcessingJobStatus": ["Failed"]}]}),
]

OTHER: list[dict[str, Any]] = [
    {"source": ["aws.sagemake"]},
    {"source": ["aws.sagemaker"], "detail": {"ProcessingJobStatus": ["Completed"]}},
    {"nothing": ["x"]},
    {"source": {"prefix": ["aws"]}},
    detail(ProcessingJobName=["train-2026"]),
    detail(ProcessingJobName=[{"prefix": "train"}]),
    detail(ProcessingJobStatus=[{"anything-but": ["Failed", "Stopped"]}]),
    detail(FailureReason=[{"anything-but": "x"}]),
    detail(ProcessingResources={"ClusterConfig": {"InstanceCount": ["3"]}}),
    detail(ProcessingResources={"ClusterConfig": {"InstanceCount": [{"numeric": [">", 3]}]}}),
    detail(ProcessingJobName=[{"numeric": [">", 3]}]),
    detail(ProcessingInputs={"AppManaged": [1]}),
    detail(ProcessingJobName=[{"exists": False}]),
    detail(FailureReason=[{"exists": True}]),
    detail(ExitMessage=["null", False, 0]),
    {"$or": [{"source": ["x"]}, {"source": ["y"]}]},
]


@pytest.mark.parametrize("pattern", MATCHING, ids=json.dumps)
def test_matches(pattern: dict[str, Any]) -> None:
    assert compile_pattern(json.dumps(pattern))(EVENT)


@pytest.mark.parametrize("pattern", OTHER, ids=json.dumps)
def test_does_not_match(pattern: dict[str, Any]) -> None:
    assert not compile_pattern(json.dumps(pattern))(EVENT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not valid JSON"),
        ("{", "it is not valid JSON"),
        ("[" * 4096, "it is not valid JSON"),
        ('{"a": [NaN]}', "it is not valid JSON"),
        ('{"a":' * 600 + "1" + "}" * 600, "it is nested deeper than 50 levels"),
        ("[]", "Filter is not an object"),
        ("{}", "Empty objects are not allowed"),
        ('{"source": "aws.sagemaker"}', '"source" must be an object or an array'),
        ('{"source": []}', "Empty arrays are not allowed"),
        ('{"source": [["a"]]}', "an array of values must not hold arrays"),
        ('{"source": [{"wildcard": "a*"}]}', "the emulator does not support wildcard"),
        ('{"source": [{"anything-but": {"wildcard": "a*"}}]}', "the emulator does not support wildcard"),
        ('{"source": [{"cidr": "10.0.0.0/8"}]}', "the emulator does not support cidr"),
        ('{"source": [{"like": "a"}]}', "Unrecognized match type like"),
        ('{"source": [{"prefix": "a", "suffix": "b"}]}', "Only one key allowed in match expression"),
        ('{"source": [{}]}', "Only one key allowed in match expression"),
        ('{"source": [{"prefix": 1}]}', "prefix match pattern must be a string"),
        ('{"source": [{"exists": 1}]}', "match value of exists must be true or false"),
        ('{"source": [{"numeric": [">"]}]}', "Value of numeric must be an array of one or two comparisons"),
        ('{"source": [{"numeric": ["!", 1]}]}', "Unrecognized numeric range operator: !"),
        ('{"source": [{"numeric": [">", true]}]}', "Value of a numeric comparison must be a number"),
        ('{"source": [{"anything-but": []}]}', "Empty arrays are not allowed"),
        ('{"$or": [{"source": ["a"]}]}', "$or needs at least two patterns"),
    ],
)
def test_what_is_no_pattern_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(InvalidEventPattern) as refusal:
        compile_pattern(text)
    assert str(refusal.value) == f"Event pattern is not valid. Reason: {reason}"
