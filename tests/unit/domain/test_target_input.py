"""What a target of a rule gets of an event (EventBridge User Guide, input transformation)."""

import json
from typing import Any

import pytest

from processing_emulator.domain.target_input import check_target_input, input_of
from processing_emulator.errors import ValidationFailed

EVENT = {"source": "aws.sagemaker", "detail": {"Name": 'a"b', "Count": 3, "Config": {"x": [1]}}}
TRANSFORMER = {
    "InputPathsMap": {"name": "$.detail.Name", "count": "$.detail.Count", "config": "$.detail.Config", "no": "$.x.y"},
    "InputTemplate": '{"text": "\\"job\\" <name> x <count>: <config>",'
    ' "name": <name>, "count": <count>, "no": <no>, "?": "<q>"}',
}


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ({}, EVENT),
        ({"Input": '{"a": 1}'}, {"a": 1}),
        ({"InputPath": "$"}, EVENT),
        ({"InputPath": "$.detail.Count"}, 3),
        ({"InputPath": "$.detail.nothing"}, None),
        (
            {"InputTransformer": TRANSFORMER},
            {"text": '"job" a"b x 3: {"x": [1]}', "name": 'a"b', "count": 3, "no": None, "?": "<q>"},
        ),
        ({"InputTransformer": {"InputTemplate": '"is <aws.events.event.json>"'}}, "is " + json.dumps(EVENT)),
    ],
)
def test_what_a_target_gets(target: dict[str, Any], value: Any) -> None:
    described = {"Id": "1", "Arn": "arn", **target}
    check_target_input(described)

    assert json.loads(input_of(described, EVENT)) == value


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "{"},
        {"InputPath": "$.detail.*"},
        {"InputPath": "detail"},
        {"InputPath": "$", "Input": "1"},
        {"InputTransformer": {"InputPathsMap": {"a": "$.detail[0]"}, "InputTemplate": "<a>"}},
    ],
)
def test_what_cannot_be_made_is_refused(target: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed):
        check_target_input({"Id": "1", "Arn": "arn", **target})
