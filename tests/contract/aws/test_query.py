"""The query protocol: what botocore sends comes through our parser whole, what we send comes through botocore's.

Cases come from the models of all services of that protocol, constraints just inside and outside included.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processing_emulator.aws.http.error_encoders import encode_error
from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.protocols.codec import WireRequest
from processing_emulator.aws.protocols.model import SERVED, Kind, OperationModel, Shape
from processing_emulator.aws.protocols.query_codec import QueryCodec
from processing_emulator.aws.protocols.query_requests import compile_form_parser, read_form
from processing_emulator.aws.protocols.query_responses import query_document
from processing_emulator.aws.protocols.validation import compile_validator
from processing_emulator.aws.protocols.wire_errors import internal_failure, wire_error
from processing_emulator.aws.services.dispatcher import Dispatcher, Service
from processing_emulator.errors import MalformedBody, RequestError, ValidationFailed
from tests.contract.aws.botocore_side import botocore_model
from tests.contract.aws.shapes import values
from tests.contract.aws.test_constraints import Case, cases_of
from tests.unit.aws.asgi import call
from tests.unit.aws.aws_app import app_over, service_model
from tests.unit.jobs.job_requests import Api

SERVICES = ("sts", "iam")
OPERATIONS = [(service, name) for service in SERVICES for name in SERVED[service]]
CONTEXT = RequestContext(account="000000000000", region="us-east-1", request_id="r")
CODEC = QueryCodec()
APP = app_over(Api())
FORM_TYPE = "application/x-www-form-urlencoded"

unhurried = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def model_of(service: str, operation: str) -> OperationModel:
    """Ours."""
    return service_model(service).operations[operation]


def sent(service: str, operation: str, parameters: dict[str, Any]) -> bytes:
    """The form that botocore sends."""
    model = botocore_model(service).operation_model(operation)
    return urlencode(
        create_serializer("query", include_validation=False).serialize_to_request(parameters, model)["body"]
    ).encode()


def received(service: str, operation: str, body: bytes, status: int = 200) -> dict[str, Any]:
    """What botocore makes of a reply."""
    shape = botocore_model(service).operation_model(operation).output_shape
    result = create_parser("query").parse({"status_code": status, "headers": {}, "body": body}, shape)
    assert isinstance(result, dict)
    return result


def without_empty(value: Any) -> Any:
    """The value as a form can express it: a structure without members is absent."""
    if isinstance(value, dict):
        kept = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item != {}}
    if isinstance(value, list):
        return [item for item in map(without_empty, value) if item != {}]
    return value


def has_hollow_list(value: Any) -> bool:
    """Whether a list has only structures without members: a form cannot express that."""
    if isinstance(value, dict):
        return any(has_hollow_list(item) for item in value.values())
    return isinstance(value, list) and bool(value) and (without_empty(value) == [] or any(map(has_hollow_list, value)))


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@unhurried
@given(data=st.data())
def test_what_botocore_sends_comes_through_our_parser(service: str, operation: str, data: st.DataObject) -> None:
    model = model_of(service, operation)
    parameters = data.draw(values(model.input, whole_seconds=True).filter(lambda value: not has_hollow_list(value)))

    form = read_form(sent(service, operation, parameters))

    assert form["Action"] == operation
    assert form["Version"] == service_model(service).version
    request = compile_form_parser(model.input)(form)
    assert request == without_empty(parameters)
    compile_validator(model.input)(request)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@unhurried
@given(data=st.data())
def test_any_reply_comes_through_botocore_s_parser(service: str, operation: str, data: st.DataObject) -> None:
    model = model_of(service, operation)
    assert model.output is not None
    reply = data.draw(values(model.output, whole_seconds=False).map(printable))

    result = received(service, operation, query_document(model, reply, "id"))

    assert result.pop("ResponseMetadata")["RequestId"] == "id"
    assert without_empty(result) == without_empty(reply)


def printable(value: Any) -> Any:
    """The value with texts that XML can hold."""
    if isinstance(value, dict):
        return {name: printable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [printable(item) for item in value]
    if isinstance(value, str):
        return "".join(c for c in value if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
    return value


def expressible(case: Case) -> bool:
    """Whether a form can express it: it has no null, and no list of empty structures."""
    return not has_hollow_list(case.request) and not has_null(case.request)


def has_null(value: Any) -> bool:
    """Whether there is a null anywhere."""
    if isinstance(value, dict):
        return any(map(has_null, value.values()))
    return value is None or (isinstance(value, list) and any(map(has_null, value)))


CASES = [
    pytest.param(service, case, id=f"{case.place} {case.label}")
    for service, operation in OPERATIONS
    for case in cases_of(operation, model_of(service, operation).input)
    if expressible(case)
]


@pytest.mark.parametrize(("service", "case"), CASES)
def test_constraints_are_checked_just_inside_and_outside(service: str, case: Case) -> None:
    shape = model_of(service, case.operation).input
    request = compile_form_parser(shape)(read_form(sent(service, case.operation, case.request)))

    if case.text is None:
        compile_validator(shape)(request)
        return
    with pytest.raises(ValidationFailed) as refusal:
        compile_validator(shape)(request)
    reply = CODEC.encode_error(wire_error(refusal.value, CODEC.error_forms), "id")
    error = received(service, case.operation, reply.body, reply.status)["Error"]
    assert error["Code"] == "ValidationError"
    assert f" at '{case.path}' failed to satisfy constraint: {case.text}" in str(refusal.value)


MAP = Shape(
    name="Attributes",
    kind=Kind.MAP,
    key=Shape(name="Key", kind=Kind.STRING),
    element=Shape(name="Value", kind=Kind.LIST, element=Shape(name="Number", kind=Kind.INTEGER)),
)
SAMPLER = Shape(
    name="Sampler",
    kind=Kind.STRUCTURE,
    members={
        "Map": MAP,
        "Flag": Shape(name="Flag", kind=Kind.BOOLEAN),
        "At": Shape(name="At", kind=Kind.TIMESTAMP),
        "Share": Shape(name="Share", kind=Kind.DOUBLE),
        "Long": Shape(name="Long", kind=Kind.LONG),
        "List": Shape(name="List", kind=Kind.LIST, element=Shape(name="Text", kind=Kind.STRING)),
    },
)
"""Kinds that no served operation takes in a form."""


def read(form: str) -> dict[str, Any]:
    """A form of the sampler's members, read."""
    return compile_form_parser(SAMPLER)(read_form(form.encode()))


def test_every_kind_is_read() -> None:
    assert read(
        "Map.entry.1.key=a&Map.entry.1.value.member.1=7&Map.entry.2.key=b&Map.entry.2.value="
        "&Flag=true&At=2026-01-02T03:04:05Z&Share=0.5&Long=-9223372036854775808&List.member.10=j&List.member.2=b&Other=x"
    ) == {
        "Map": {"a": [7], "b": []},
        "Flag": True,
        "At": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "Share": 0.5,
        "Long": -(2**63),
        "List": ["b", "j"],
    }


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("Flag=yes", "'yes' is not a boolean"),
        ("At=noon", "'noon' is not a timestamp"),
        ("At=99999999999999999999", "is not a timestamp"),
        ("Share=half", "'half' is not a double"),
        ("Long=9223372036854775808", "is not a long"),
        ("Long=" + "9" * 10_000, "is not a long"),
        ("Map.entry.1.key=a&Map.entry.1.value.member.1=x", "'x' is not an integer"),
        ("Map.entry.1.value=a", "has no key"),
        ("List=%ff", "not a form"),
        ("&".join(f"A{n}=1" for n in range(50_001)), "not a form"),
    ],
)
def test_a_value_of_another_type_is_malformed(form: str, text: str) -> None:
    with pytest.raises(MalformedBody, match=text):
        read(form)


def test_every_kind_is_written() -> None:
    model = OperationModel(
        name="Op", input=SAMPLER, output=SAMPLER, errors=(), result_wrapper="OpResult", xml_namespace="urn:x"
    )
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)

    document = ET.fromstring(query_document(model, {"Map": {"a<": [7]}, "Flag": True, "At": at}, "r"))

    result = document.find("{urn:x}OpResult")
    assert result is not None
    assert ET.tostring(result, encoding="unicode", default_namespace="urn:x").partition(">")[2] == (
        "<Map><entry><key>a&lt;</key><value><member>7</member></value></entry></Map>"
        "<Flag>true</Flag><At>2026-01-02T03:04:05.678Z</At></OpResult>"
    )


def reply_to(form: str, service: str = "sts") -> ET.Element:
    """What the dispatcher says to a form, with a handler that fails."""

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    dispatcher = Dispatcher([Service(name="sts", handlers={"AssumeRole": fail})], service_model)
    request = WireRequest(method="POST", path="/", query=b"", headers={}, body=form.encode(), signing_name=service)
    try:
        dispatcher.reply(CODEC, request, CONTEXT)
    except RequestError as error:
        reply = encode_error(Protocol.QUERY, error, "r")
    except RuntimeError:
        reply = encode_error(Protocol.QUERY, internal_failure(), "r")
    return ET.fromstring(reply.body)


VERSION = "Version=2011-06-15"
ROLE = "RoleArn=arn:aws:iam::000000000000:role/r&RoleSessionName=me"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (f"Action=AssumeRole&{VERSION}&{ROLE}", "InternalFailure"),
        (f"Action=AssumeRole&{VERSION}", "ValidationError"),
        (f"Action=AssumeRole&{VERSION}&{ROLE}&DurationSeconds=x", "MalformedInput"),
        (f"Action=AssumeRole&{VERSION}&{ROLE}&DurationSeconds=1_000", "MalformedInput"),
        (f"Action=AssumeRole&{VERSION}&{ROLE}&DurationSeconds=%EF%BC%91%EF%BC%90%EF%BC%90%EF%BC%90", "MalformedInput"),
        (f"Action=GetCallerIdentity&{VERSION}", "InvalidAction"),
        (f"Action=Nonsense&{VERSION}", "InvalidAction"),
        (f"Action=AssumeRole&{ROLE}", "InvalidAction"),
        ("Action=AssumeRole&Version=2010-05-08", "InvalidAction"),
        ("", "InvalidAction"),
    ],
)
def test_errors_are_in_the_form_of_the_protocol(form: str, code: str) -> None:
    for service in ("sts", ""):
        document = reply_to(form, service)
        assert document.findtext("Error/Code") == code
        assert document.findtext("Error/Type") == ("Receiver" if code == "InternalFailure" else "Sender")
        assert document.findtext("RequestId") == "r"


@unhurried
@given(
    st.dictionaries(
        st.sampled_from(["Action", "Version", "RoleArn", "RoleSessionName", "Tags.member.1.Key", "Tags", "Tags.1", "."])
        | st.text(max_size=5),
        st.sampled_from(["AssumeRole", "GetCallerIdentity", "2011-06-15"]) | st.text(max_size=5),
    )
)
def test_any_form_gets_an_answer_of_the_protocol(form: dict[str, str]) -> None:
    body = urlencode({"Version": "2011-06-15", **form}, errors="replace").encode()

    answer = call(APP, headers=(("host", "localhost"), ("content-type", FORM_TYPE)), body=body)

    assert answer.status < 500
    ET.fromstring(answer.body)
