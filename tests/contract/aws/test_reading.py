"""Requests are read the same whether the quick way is enough or not; it is, for all that are as usual."""

import gc
import json
import sys
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processing_emulator.aws.protocols.json_requests import compile_parser, decode_json
from processing_emulator.aws.protocols.reading import Reading, compile_quick_reader, compile_reader
from processing_emulator.aws.protocols.validation import compile_validator
from processing_emulator.aws.services.sagemaker.create_processing_job import SERVED
from processing_emulator.errors import MalformedBody, RequestError
from processing_emulator.jobs.rules import check_create

from tests.builders import a_request, an_input, an_output
from tests.contract.aws.shapes import smallest, values
from tests.unit.aws.parts import service_model

MODELS = service_model().operations
NARROWINGS = {"CreateProcessingJob": SERVED}
READERS = {name: compile_reader(model.input, NARROWINGS.get(name)) for name, model in MODELS.items()}
QUICK = {name: compile_quick_reader(model.input) for name, model in MODELS.items()}
PARSERS = {name: compile_parser(model.input) for name, model in MODELS.items()}
VALIDATORS = {name: compile_validator(model.input) for name, model in MODELS.items()}
REQUESTS = {name: values(model.input, whole_seconds=True) for name, model in MODELS.items()}
WITH_MOMENTS = "ListProcessingJobs"

ODD: list[Any] = [
    *(None, True, -1, 0, 2, 1.0, 10**30, {}, [], [None], {"a": None}, {"Unknown": 1}),
    *("", " ", "x", "a\n", "a\0", "\u2028", "\x85", "é", "\ud800", "-a", "a--b", "a-", "https://b/k", "x" * 9000),
]
"""What is wrong, or only unusual, in most places."""

ODD_BYTES = (
    *(
        b"",
        b" ",
        b'"',
        b"\\",
        b"\\u0041",
        b"\\ud800",
        b"\n",
        b"\x0c",
        b"\x00",
        b"\x7f",
        b"\xff",
        b"\xc3\xa9",
        b"\xe2\x80\xa8",
    ),
    *(b"1", b"01", b"1.0", b"1e2", b"1e400", b"-", b"-0", b"9" * 30, b"null", b"NaN", b"true", b"[", b"]", b"{", b"}"),
    *(b",", b":", b'"": 1,', b'"Unknown": "\xff",', b'"RoleArn": 1,', b'"AppSpecification": {"ImageUri": "b"},'),
)

UNKNOWN = (
    *(b"1" + b"0" * 300, b"1" + b"0" * 400, b"1" + b"0" * 4300, b"1e999", b"01", b"1.", b"-", b"Infinity", b"tru"),
    *(b'"\xff"', b'"\\ud800"', b'"\\q"', b'"\n"', b'{"\xff": 1}', b'{"a" 1}', b"[1,]", b"/**/1", b"'a'"),
    *(b"[" * depth + b"]" * depth for depth in (900, 980, 1004, 1100)),
)

ARN = b"arn:aws:sagemaker:us-east-1:111122223333:processing-job/j"

USUAL = a_request(
    "a-name-1",
    entrypoint=["python3", "/opt/ml/processing/code/main.py"],
    arguments=["--name", "Zoë"],
    inputs=[an_input()],
    outputs=[an_output()],
    Environment={"STAGE": "test", "TEXT": "two\nlines"},
    StoppingCondition={"MaxRuntimeInSeconds": 3600},
    NetworkConfig={"EnableNetworkIsolation": True},
    Tags=[{"Key": "team", "Value": "a"}],
    ExperimentConfig={"ExperimentName": "e-1"},
)

PLAIN = {**USUAL, "Environment": {"STAGE": "test"}, "AppSpecification": {"ImageUri": "image:1"}}
CLUSTER = PLAIN["ProcessingResources"]["ClusterConfig"]

many = settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def exactly(operation: str, body: bytes) -> Any:
    """The request as parser and validator have it, without a quick way."""
    document = decode_json(body)
    if not isinstance(document, dict | list):
        raise MalformedBody("The body is not a JSON object")
    request: Any = PARSERS[operation](document)
    VALIDATORS[operation](request)
    return request


def told(read: Any, *arguments: object) -> str:
    """The request with the order of its members, or how it is refused."""
    try:
        read_so = read(*arguments)
        return repr(read_so.request if isinstance(read_so, Reading) else read_so)
    except RequestError as error:
        return f"{type(error).__name__}: {error}"


def changed(document: Any, data: st.DataObject) -> Any:
    """The document with something odd in one place, or one of its parts left out."""
    place, key = document, None
    while isinstance(place, dict | list) and place:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not (isinstance(inner, dict | list) and inner) or data.draw(st.booleans()):
            break
        place = inner
    if key is not None and data.draw(st.integers(0, 4)) == 0:
        del place[key]
    elif key is not None:
        place[key] = deepcopy(data.draw(st.sampled_from(ODD)))
    return document


@many
@given(operation=st.sampled_from(sorted(MODELS)), changes=st.integers(0, 2), data=st.data())
def test_any_request_is_read_as_parser_and_validator_have_it(operation: str, changes: int, data: st.DataObject) -> None:
    document = json.loads(json.dumps(data.draw(REQUESTS[operation]), default=lambda moment: moment.timestamp()))
    for _ in range(changes):
        document = changed(document, data)
    body = json.dumps(document).encode()

    assert told(READERS[operation], body) == told(exactly, operation, body)


@many
@given(changes=st.integers(1, 3), data=st.data())
def test_the_usual_request_with_odd_parts_is_read_as_parser_and_validator_have_it(
    changes: int, data: st.DataObject
) -> None:
    document = deepcopy(USUAL)
    for _ in range(changes):
        document = changed(document, data)
    body = json.dumps(document).encode()

    assert told(READERS["CreateProcessingJob"], body) == told(exactly, "CreateProcessingJob", body)


@many
@given(operation=st.sampled_from(sorted(MODELS)), data=st.data())
def test_any_bytes_are_read_as_parser_and_validator_have_them(operation: str, data: st.DataObject) -> None:
    """Some bytes of a request replaced by others: what is left of it may be no JSON, or a member given twice."""
    document = USUAL if operation == "CreateProcessingJob" else smallest(MODELS[operation].input)
    body = bytearray(json.dumps({**document, "Unknown": [{"a": -1.5e3, "b": "x"}, True]}).encode())
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(ODD_BYTES))

    assert told(READERS[operation], bytes(body)) == told(exactly, operation, bytes(body))


@pytest.mark.parametrize("value", UNKNOWN, ids=lambda value: value[:12])
@pytest.mark.parametrize("padding", [b"", b" " * 2048], ids=["short", "long"])
def test_what_an_unknown_member_holds_is_judged_by_the_exact_way(value: bytes, padding: bytes) -> None:
    body = b'{"ProcessingJobName": "a", "Unknown": ' + value + b"}" + padding

    assert told(READERS["DescribeProcessingJob"], body) == told(exactly, "DescribeProcessingJob", body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"ResourceArn": "a", "ResourceArn": "a"}',
        b'{"ResourceArn": "%b", "ResourceArn": "%b"}' % (ARN, ARN),
        b'{"ResourceArn": "%b", "Tags": [], "Tags": [{"Key": "a", "Value": "b"}]}' % ARN,
        b'{"Tags": [{"Key": "a", "Value": "b"}], "ResourceArn": "%b", "Tags": []}' % ARN,
        b'{"ResourceArn": "%b", "Tags": [{"Key": "a", "Key": "b"}]}' % ARN,
        b'{"ResourceArn": "%b", "Tags": [{"Key": 1, "Value": "b", "Key": "b"}]}' % ARN,
        b'{"ResourceArn": "%b", "Tags": [{"Key": "a", "Value": "b", "Key": null}]}' % ARN,
    ],
)
def test_of_a_member_given_twice_the_last_counts(body: bytes) -> None:
    assert told(READERS["AddTags"], body) == told(exactly, "AddTags", body)


@pytest.mark.parametrize("body", [b"", b"{", b"1", b'"x"', b"null", b"[]", b"[{}]", b"\xff", b"{}" * 2])
def test_a_body_that_is_no_object_is_refused_in_the_same_words(body: bytes) -> None:
    assert told(READERS["CreateProcessingJob"], body) == told(exactly, "CreateProcessingJob", body)


@many
@given(operation=st.sampled_from(sorted(MODELS.keys() - {WITH_MOMENTS})), ascii_only=st.booleans(), data=st.data())
def test_the_quick_way_is_enough_for_a_valid_request(operation: str, ascii_only: bool, data: st.DataObject) -> None:
    document = data.draw(REQUESTS[operation])
    body = json.dumps(document, ensure_ascii=ascii_only).encode()

    assert quickly(operation, body) == document


@pytest.mark.parametrize("members", [{}, {"Unknown": 1}, {"Environment": {"A": "x"}}], ids=str)
def test_the_quick_way_is_enough_for_the_usual_request(members: dict[str, Any]) -> None:
    request = {**USUAL, **members}
    body = json.dumps(request).encode()

    assert quickly("CreateProcessingJob", body) == {name: request[name] for name in request if name != "Unknown"}


def quickly(operation: str, body: bytes) -> Any:
    """The request, if the quick way is enough."""
    reading = QUICK[operation](body)
    return None if reading is None else reading.request


def test_moments_are_never_taken_as_they_came() -> None:
    assert quickly(WITH_MOMENTS, b'{"CreationTimeAfter": 0}') is None
    assert quickly(WITH_MOMENTS, b'{"MaxResults": 1}') == {"MaxResults": 1}


@many
@given(changes=st.integers(0, 3), data=st.data())
def test_a_plain_request_needs_no_look_at_what_is_served(changes: int, data: st.DataObject) -> None:
    document = data.draw(REQUESTS["CreateProcessingJob"] | st.builds(deepcopy, st.just(PLAIN)))
    for _ in range(changes):
        document = changed(document, data)
    try:
        reading = READERS["CreateProcessingJob"](json.dumps(document).encode())
    except RequestError:
        return

    if reading.is_plain:
        assert told(check_create, reading.request) == told(partial(check_create, is_covered=True), reading.request)


def test_the_usual_request_is_plain() -> None:
    assert READERS["CreateProcessingJob"](json.dumps(PLAIN).encode()).is_plain


@pytest.mark.parametrize(
    "members",
    [
        {"Environment": {"A": "\0"}},
        {"Environment": {"A": "é"}},
        {"Environment": {f"A{number}": "x" * 200 for number in range(10)}},
        {"ProcessingInputs": [{"InputName": "d", "DatasetDefinition": {}}]},
        {"ProcessingInputs": [an_input(uri="https://host/key")]},
        {"ProcessingInputs": [{"InputName": "i", "S3Input": {**an_input()["S3Input"], "S3InputMode": "Pipe"}}]},
        {"ProcessingResources": {"ClusterConfig": {**CLUSTER, "InstanceCount": 2}}},
        {"ProcessingResources": {"ClusterConfig": {**CLUSTER, "SelectedInstanceCount": 1}}},
    ],
    ids=str,
)
def test_a_request_that_must_be_looked_at_is_not_plain(members: dict[str, Any]) -> None:
    body = json.dumps({**PLAIN, **members}).encode()

    assert not READERS["CreateProcessingJob"](body).is_plain
    assert told(READERS["CreateProcessingJob"], body) == told(exactly, "CreateProcessingJob", body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
@pytest.mark.parametrize("levels", [200, 900, 1100, 5000])
@pytest.mark.parametrize("behind", [b"", b'"\\ud800",'], ids=["plain", "half of a pair"])
def test_whoever_cleans_up_while_a_body_is_read_has_room_on_the_stack(
    opening: bytes, levels: int, behind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The garbage collector runs wherever something is allocated, and finalizers with it."""
    failed: list[object] = []

    def clean_up(phase: str, _: object, levels: int = 200) -> None:
        if levels:
            clean_up(phase, _, levels - 1)

    monkeypatch.setattr(sys, "unraisablehook", failed.append)
    closing = b"]" if opening == b"[" else b"}"
    body = b'{"Unknown": [%s%s1%s]}' % (behind, opening * levels, closing * levels)
    before = gc.get_threshold()
    gc.callbacks.append(clean_up)
    gc.set_threshold(1)
    try:
        told(READERS["DescribeProcessingJob"], body)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(clean_up)
    assert failed == []
