"""The RPC v2 CBOR protocol through the same dispatcher, with CloudWatch as botocore models and speaks it.

No service that is served has this protocol yet, so the model and the handlers are the test's.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from processing_emulator.aws.gateway import create_app
from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.cbor_codec import decode_cbor
from processing_emulator.aws.protocols.model import Kind, OperationModel, ServiceModel, Shape
from processing_emulator.aws.services.dispatcher import Dispatcher, Service
from processing_emulator.errors import MalformedBody, RequestError
from processing_emulator.jobs.changes import JobChanges
from processing_emulator.open_streams import OpenStreams
from tests.contract.aws.botocore_side import botocore_model
from tests.fakes.job_store import MemoryJobStore
from tests.unit.aws.asgi import Answer, call
from tests.unit.aws.aws_app import a_credential_store, named_app

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
TEXT = Shape(name="Text", kind=Kind.STRING, minimum=1, maximum=255)
MOMENT = Shape(name="Timestamp", kind=Kind.TIMESTAMP)
DATUM = Shape(
    name="MetricDatum",
    kind=Kind.STRUCTURE,
    members={
        "MetricName": TEXT,
        "Timestamp": MOMENT,
        "Value": Shape(name="Value", kind=Kind.DOUBLE),
        "StorageResolution": Shape(name="StorageResolution", kind=Kind.INTEGER),
    },
    required=frozenset({"MetricName"}),
)
PUT = Shape(
    name="PutMetricDataInput",
    kind=Kind.STRUCTURE,
    members={"Namespace": TEXT, "MetricData": Shape(name="MetricData", kind=Kind.LIST, element=DATUM)},
    required=frozenset({"Namespace"}),
)
LIST = Shape(name="ListDashboardsInput", kind=Kind.STRUCTURE, members={"NextToken": TEXT})


def operation(name: str, shape: Shape, output: Shape | None) -> OperationModel:
    """The model of an operation of CloudWatch."""
    return OperationModel(
        name=name,
        input=shape,
        output=output,
        errors=(),
        result_wrapper=f"{name}Result" if output else "",
        xml_namespace="http://monitoring.amazonaws.com/doc/2010-08-01/",
    )


MODEL = ServiceModel(
    name="cloudwatch",
    service_id="CloudWatch",
    signing_name="monitoring",
    version="2010-08-01",
    target_prefix="GraniteServiceVersion20100801",
    operations={
        "PutMetricData": operation("PutMetricData", PUT, None),
        "ListDashboards": operation("ListDashboards", LIST, Shape(name="Output", kind=Kind.STRUCTURE)),
    },
    operation_names=frozenset({"PutMetricData", "ListDashboards", "ListMetrics"}),
)


class CloudWatch:
    """Keeps the data that was put, and lists two dashboards."""

    def __init__(self) -> None:
        self.put: list[Mapping[str, Any]] = []

    def app(self) -> ASGIApp:
        """The application with this service alone."""
        handlers = {"PutMetricData": self._put, "ListDashboards": self._list}
        return create_app(
            dispatcher=Dispatcher([Service(name="cloudwatch", handlers=handlers)], lambda _name: MODEL),
            account_of=a_credential_store().account_of,
            admin=named_app("admin"),
            s3=named_app("s3"),
            changes=JobChanges(MemoryJobStore()),
            streams=OpenStreams(),
        )

    def _put(self, _context: RequestContext, request: Mapping[str, Any]) -> None:
        if request["Namespace"] == "refused":
            raise RequestError("not this one")
        if request["Namespace"] == "broken":
            raise RuntimeError("a bug")
        self.put.append(request)

    def _list(self, _context: RequestContext, _request: Mapping[str, Any]) -> Mapping[str, object]:
        return {"DashboardEntries": [{"DashboardName": "a\u00e9", "LastModified": AT, "Size": 2**40}]}


def ask(app: ASGIApp, body: bytes, name: str = "PutMetricData") -> Answer:
    """A request as SDKs send it."""
    headers = (("host", "localhost"), ("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor"))
    path = f"/service/GraniteServiceVersion20100801/operation/{name}"
    return call(app, path=path, headers=headers, body=body)


def ask_by_botocore(app: ASGIApp, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """What botocore makes of the answer to what botocore sends."""
    model = botocore_model("cloudwatch").operation_model(name)
    sent = create_serializer("smithy-rpc-v2-cbor").serialize_to_request(parameters, model)
    headers = {"host": "localhost", **{key.lower(): value for key, value in sent["headers"].items()}}
    answer = call(app, method=sent["method"], path=sent["url_path"], headers=tuple(headers.items()), body=sent["body"])
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    result = create_parser("smithy-rpc-v2-cbor").parse(response, model.output_shape)
    assert isinstance(result, dict)
    return result


def test_botocore_is_understood_and_understands() -> None:
    service = CloudWatch()
    datum = {"MetricName": "cpu", "Timestamp": AT, "Value": 0.25}

    ask_by_botocore(service.app(), "PutMetricData", {"Namespace": "n", "MetricData": [datum]})
    [entry] = ask_by_botocore(service.app(), "ListDashboards", {})["DashboardEntries"]

    assert service.put == [{"Namespace": "n", "MetricData": [datum]}]
    assert entry == {"DashboardName": "a\u00e9", "LastModified": AT, "Size": 2**40}


@pytest.mark.parametrize(
    ("namespace", "code", "status"),
    [
        ("x" * 256, "ValidationException", 400),
        ("refused", "ValidationException", 400),
        ("broken", "InternalFailure", 500),
    ],
)
def test_botocore_understands_errors(namespace: str, code: str, status: int) -> None:
    result = ask_by_botocore(CloudWatch().app(), "PutMetricData", {"Namespace": namespace, "MetricData": []})

    assert result["Error"]["Code"] == code
    assert result["ResponseMetadata"]["HTTPStatusCode"] == status


def test_the_same_service_answers_in_json_and_in_the_query_protocol() -> None:
    service = CloudWatch()
    app = service.app()
    target = ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData")
    json_headers = (("host", "localhost"), ("content-type", "application/x-amz-json-1.0"), target)
    form_headers = (("host", "localhost"), ("content-type", "application/x-www-form-urlencoded"))
    form = b"Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=cpu"

    assert call(app, headers=json_headers, body=b'{"Namespace":"n","MetricData":[{"MetricName":"cpu"}]}').status == 200
    assert call(app, headers=form_headers, body=form).status == 200
    assert service.put == [{"Namespace": "n", "MetricData": [{"MetricName": "cpu"}]}] * 2


def test_a_request_without_a_body_has_no_members() -> None:
    answer = ask(CloudWatch().app(), b"", "ListDashboards")

    assert answer.status == 200
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert cbor2.loads(answer.body)["DashboardEntries"][0]["LastModified"] == AT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff", "SerializationException"),
        (b"\xa1", "SerializationException"),
        (cbor2.dumps([1]), "SerializationException"),
        (cbor2.dumps({"Namespace": 1}), "SerializationException"),
        (cbor2.dumps({"Namespace": b"n"}), "SerializationException"),
        (b"\x81" * 100_000, "SerializationException"),
        (cbor2.dumps({}), "ValidationException"),
        (cbor2.dumps({"Namespace": None, "Other": 2}), "ValidationException"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_a_bad_body_gets_the_service_s_error(body: bytes, code: str) -> None:
    answer = ask(CloudWatch().app(), body)

    assert (answer.status, answer.headers["content-type"]) == (400, "application/cbor")
    assert cbor2.loads(answer.body)["__type"] == code


def test_an_operation_that_is_not_served_is_refused_by_name() -> None:
    answer = ask(CloudWatch().app(), b"", "ListMetrics")

    assert answer.status == 404
    assert cbor2.loads(answer.body)["message"].startswith("CloudWatch ListMetrics is not supported by the emulator")


NUMBERS = ["f97e00", "f97c00", "f9fc00", "fb7fefffffffffffff", "1bffffffffffffffff", "f5", "f7", "e0"]
TAGGED = ["c1f97e00", "c1f97c00", "c11b7fffffffffffffff", "c48201f97e00", "c4821b7fffffffffffffff01", "d81e820100"]
OTHERS = ["c25910a0" + "ff" * 4256, "c06161", "c0617a", "d9010301", "d903ec1b7fffffffffffffff", "d8236128", "80", "a0"]


@pytest.mark.parametrize("member", ["Namespace", "MetricName", "Timestamp", "Value", "StorageResolution"])
@pytest.mark.parametrize("item", [*NUMBERS, *TAGGED, *OTHERS], ids=lambda item: item[:16])
def test_no_cbor_item_breaks_the_server(member: str, item: str) -> None:
    """NaN, infinities, numbers of thousands of digits, decimals, fractions, moments outside the calendar."""
    key, value = cbor2.dumps(member), bytes.fromhex(item)
    if member == "Namespace":
        body = b"\xa1" + key + value
    else:
        datum = b"\xa2" + cbor2.dumps("MetricName") + cbor2.dumps("m") + key + value
        body = b"\xa2" + cbor2.dumps("Namespace") + cbor2.dumps("n") + cbor2.dumps("MetricData") + b"\x81" + datum

    assert ask(CloudWatch().app(), body).status in (200, 400)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\xa1\x69Namespace" + tail))
def test_any_bytes_are_a_document_or_malformed(body: bytes) -> None:
    try:
        decode_cbor(body)
    except MalformedBody:
        return
    assert ask(CloudWatch().app(), body).status in (200, 400)
