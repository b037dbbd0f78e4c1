"""The front door, request by request, without a socket."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from processing_emulator.aws.gateway import JSON_BODY_LIMIT_BYTES
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.builders import a_key, a_request
from tests.unit.aws.asgi import JSON_TYPE, call, call_target, exchange, http_scope
from tests.unit.aws.parts import front_door_over
from tests.unit.jobs.parts import Api

CREATE, DESCRIBE = "SageMaker.CreateProcessingJob", "SageMaker.DescribeProcessingJob"
SIGNATURE = "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{}/aws4_request, SignedHeaders=host, Signature=0"
HOST = ("host", "127.0.0.1:9320")


@pytest.fixture
def api() -> Api:
    """The use cases behind the front door."""
    return Api()


@pytest.fixture
def app(api: Api) -> Iterator[ASGIApp]:
    """The front door."""
    with front_door_over(api, allowed_hosts=("172.17.0.1",)) as app:
        yield app


def body_of(request: dict[str, Any]) -> bytes:
    """A request as a client sends it."""
    return json.dumps(request).encode()


def test_create_answers_with_the_arn(app: ASGIApp, api: Api) -> None:
    answer = call_target(app, CREATE, body_of(a_request("My-Job")))

    assert answer.status == 200
    assert answer.document == {"ProcessingJobArn": "arn:aws:sagemaker:us-east-1:000000000000:processing-job/my-job"}
    assert api.service.describe(a_key("My-Job")).request == a_request("My-Job")


def test_replies_carry_type_length_and_a_fresh_request_id(app: ASGIApp) -> None:
    answers = [call_target(app, CREATE, body_of(a_request(name))) for name in ("a", "b")]

    for answer in answers:
        assert answer.headers["content-type"] == JSON_TYPE
        assert answer.headers["content-length"] == str(len(answer.body))
    ids = {answer.headers["x-amzn-requestid"] for answer in answers}
    assert len(ids) == 2
    assert all(len(request_id) == 36 for request_id in ids)


def test_an_operation_without_output_answers_with_an_empty_body(app: ASGIApp, api: Api) -> None:
    api.service.create(a_key(), a_request())

    answer = call_target(app, "SageMaker.StopProcessingJob", b'{"ProcessingJobName":"job"}')

    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize("content_type", ["application/x-amz-json-1.0", "application/json", f"{JSON_TYPE}; charset=x"])
def test_both_json_protocols_are_spoken(app: ASGIApp, content_type: str) -> None:
    assert call_target(app, CREATE, body_of(a_request()), ("content-type", content_type)).status == 200


def test_a_body_in_chunks_is_put_together(app: ASGIApp) -> None:
    body = body_of(a_request())
    headers = (HOST, ("x-amz-target", CREATE), ("content-type", JSON_TYPE))

    answer = call(app, headers=headers, body=[body[:10], body[10:11], b"", body[11:]])

    assert answer.status == 200


def test_account_and_region_are_those_of_the_signature(app: ASGIApp, api: Api) -> None:
    signature = ("authorization", SIGNATURE.format("111122223333", "eu-west-1", "sagemaker"))

    answer = call_target(app, CREATE, body_of(a_request()), signature)

    assert answer.document["ProcessingJobArn"] == "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/job"
    assert call_target(app, DESCRIBE, b'{"ProcessingJobName":"job"}', signature).status == 200
    assert call_target(app, DESCRIBE, b'{"ProcessingJobName":"job"}').status == 400


def test_a_region_that_can_be_none_is_refused(app: ASGIApp) -> None:
    answer = call_target(app, CREATE, b"{}", ("authorization", SIGNATURE.format("a", "a:b", "sagemaker")))

    assert (answer.status, answer.document["__type"]) == (400, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "SerializationException"),
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b"null", "SerializationException"),
        (b'"x"', "SerializationException"),
        (b"1", "SerializationException"),
        (b"\xff", "SerializationException"),
        (b"[" * 200_000, "SerializationException"),
        (b'{"ProcessingJobName":1}', "SerializationException"),
        (b"{}", "ValidationException"),
        (b'{"ProcessingJobName":"a_b"}', "ValidationException"),
        (b'{"ProcessingJobName":"unknown"}', "ValidationException"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_a_bad_body_gets_the_service_s_error(app: ASGIApp, body: bytes, code: str) -> None:
    answer = call_target(app, DESCRIBE, body)

    assert (answer.status, answer.document["__type"]) == (400, code)
    assert answer.document["message"]


def test_modelled_errors_have_the_modelled_member(app: ASGIApp) -> None:
    call_target(app, CREATE, body_of(a_request()))

    answer = call_target(app, CREATE, body_of(a_request()))

    assert answer.status == 400
    assert set(answer.document) == {"__type", "Message"}
    assert answer.document["__type"] == "ResourceInUse"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("SageMaker.CreateTrainingJob", "SageMaker.CreateTrainingJob is not supported by the emulator; docs/"),
        ("SageMaker.Search", "SageMaker.Search is not supported by the emulator; docs/"),
        ("SageMaker.Nonsense", "SageMaker.Nonsense is not an operation of this emulator"),
        ("sagemaker.createprocessingjob", "sagemaker.createprocessingjob is not an operation of this emulator"),
        ("CreateProcessingJob", "CreateProcessingJob is not an operation of this emulator"),
        ("DynamoDB_20120810.ListTables", "DynamoDB_20120810.ListTables is not an operation of this emulator"),
        ("", " is not an operation of this emulator"),
    ],
)
def test_an_operation_that_is_not_served_is_refused_by_name(app: ASGIApp, target: str, told: str) -> None:
    answer = call_target(app, target, b"{}")

    assert (answer.status, answer.document["__type"]) == (400, "UnknownOperationException")
    assert answer.document["message"].startswith(told)


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/xml", "application/x-amz-json-2.0"])
def test_a_wrong_content_type_is_an_unknown_operation(app: ASGIApp, content_type: str) -> None:
    answer = call_target(app, CREATE, body_of(a_request()), ("content-type", content_type))

    assert (answer.status, answer.document["__type"]) == (404, "UnknownOperationException")
    assert JSON_TYPE in answer.document["message"]


def test_a_get_with_a_target_is_an_unknown_operation(app: ASGIApp) -> None:
    answer = call(app, method="GET", headers=(HOST, ("x-amz-target", CREATE), ("content-type", JSON_TYPE)))

    assert (answer.status, answer.document["__type"]) == (404, "UnknownOperationException")


def test_a_body_beyond_the_bound_is_refused(app: ASGIApp) -> None:
    answer = call_target(app, CREATE, b"x" * (JSON_BODY_LIMIT_BYTES + 1))

    assert (answer.status, answer.document["__type"]) == (413, "RequestEntityTooLargeException")


def test_the_largest_body_within_the_bound_is_read(app: ASGIApp) -> None:
    body = body_of(a_request())

    assert call_target(app, CREATE, body + b" " * (JSON_BODY_LIMIT_BYTES - len(body))).status == 200


def test_a_client_that_hangs_up_gets_no_answer_and_does_nothing(app: ASGIApp, api: Api) -> None:
    scope = http_scope("POST", "/", (HOST, ("x-amz-target", CREATE), ("content-type", JSON_TYPE)))

    sent = exchange(app, scope, [{"type": "http.request", "body": body_of(a_request()), "more_body": True}])

    assert sent == []
    assert api.store.list_unfinished() == []


@pytest.mark.parametrize("refused", [("host", "evil.test"), ("origin", "http://evil.test")])
@pytest.mark.parametrize("path", ["/", "/_emulator/health", "/bucket/key"])
def test_pages_of_other_sites_get_nothing_done(app: ASGIApp, api: Api, refused: tuple[str, str], path: str) -> None:
    headers = {"host": "localhost:9320", "x-amz-target": CREATE, "content-type": JSON_TYPE, **dict([refused])}

    answer = call(app, path=path, headers=tuple(headers.items()), body=body_of(a_request()))

    assert answer.status == 403
    assert answer.document["__type"] == "AccessDeniedException"
    assert refused[1] in answer.document["message"]
    assert api.store.list_unfinished() == []


def test_allowed_hosts_are_allowed(app: ASGIApp) -> None:
    assert call_target(app, CREATE, body_of(a_request()), ("host", "172.17.0.1:9320")).status == 200


def test_the_rest_goes_to_the_control_application_or_to_s3(app: ASGIApp) -> None:
    control = call(app, method="GET", path="/_emulator/health")
    s3 = call(app, method="PUT", path="/bucket/key", body=b"data")

    assert (control.body, s3.body) == (b"control", b"s3")
    assert "x-amzn-requestid" in control.headers
    assert "x-amzn-requestid" in s3.headers


def test_a_query_operation_is_refused_in_xml_by_name(app: ASGIApp) -> None:
    headers = (HOST, ("content-type", "application/x-www-form-urlencoded"))

    answer = call(app, headers=headers, body=b"Action=GetSessionToken&Version=2011-06-15")

    error = ET.fromstring(answer.body).find("Error")
    assert error is not None
    assert (answer.status, error.findtext("Code")) == (400, "InvalidAction")
    assert "GetSessionToken for version 2011-06-15" in (error.findtext("Message") or "")
    assert ET.fromstring(answer.body).findtext("RequestId") == answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize("body", [b"", b"Action=%00%1b<&Version=\xff", b"&" * 2000, b"a=" + b"x" * 70_000])
def test_a_form_of_any_content_gets_xml(app: ASGIApp, body: bytes) -> None:
    answer = call(app, headers=(HOST, ("content-type", "application/x-www-form-urlencoded")), body=body)

    assert answer.status in (400, 413)
    assert ET.fromstring(answer.body).find("Error") is not None


def test_a_rest_service_is_refused_by_name(app: ASGIApp) -> None:
    signature = ("authorization", SIGNATURE.format("a", "us-east-1", "lambda"))

    answer = call(app, method="GET", path="/2015-03-31/functions", headers=(HOST, signature))

    assert answer.status == 404
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"
    assert "lambda" in answer.document["message"]


def test_an_rpc_operation_is_refused_in_cbor(app: ASGIApp) -> None:
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"

    answer = call(app, path=path, headers=(HOST, ("smithy-protocol", "rpc-v2-cbor")))

    assert (answer.status, answer.headers["content-type"]) == (404, "application/cbor")
    assert answer.body.startswith(b"\xa2\x79\x00\x06__type\x79\x00\x19UnknownOperationException\x79\x00\x07message")
    assert b"PutMetricData" in answer.body


def test_a_fault_is_an_internal_failure_that_is_logged_once(
    app: ASGIApp, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.store.go_down()

    answer = call_target(app, DESCRIBE, b'{"ProcessingJobName":"job"}')

    assert (answer.status, answer.document["__type"]) == (500, "InternalFailure")
    assert "store" not in answer.document["message"]
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert record.__dict__["request_id"] == answer.headers["x-amzn-requestid"]


async def failing_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails before it answers."""
    raise ConnectionError("the store is gone")


async def breaking_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails in the middle of its answer."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ConnectionError("the store is gone")


def test_a_fault_behind_the_front_door_is_answered_and_logged_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with front_door_over(api, s3=failing_app) as app:
        answer = call(app, method="GET", path="/bucket")

    assert (answer.status, answer.document["__type"]) == (500, "InternalFailure")
    assert [record.message for record in caplog.records] == ["request_failed"]


def test_a_fault_in_the_middle_of_an_answer_adds_nothing_to_it(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with front_door_over(api, s3=breaking_app) as app:
        sent = exchange(app, http_scope("GET", "/bucket", (HOST,)), [])

    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [record.message for record in caplog.records] == ["request_failed"]


def test_request_bodies_and_credentials_are_not_logged(
    app: ASGIApp, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    signature = ("authorization", SIGNATURE.format("AKIASECRET", "us-east-1", "sagemaker"))
    with caplog.at_level(logging.DEBUG):
        call_target(app, CREATE, body_of(a_request(Environment={"PASSWORD": "hunter2"})), signature)
        call_target(app, CREATE, body_of(a_request(Environment={"1": "hunter2"})), signature)

    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "job created" in logged
    assert "hunter2" not in logged
    assert "AKIASECRET" not in logged


def test_lifespan_is_acknowledged(app: ASGIApp) -> None:
    sent = exchange(app, {"type": "lifespan"}, [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_web_socket_is_closed(app: ASGIApp) -> None:
    sent = exchange(app, {"type": "websocket", "path": "/"}, [{"type": "websocket.connect"}])

    assert [message["type"] for message in sent] == ["websocket.close"]
