"""The whole application, request by request, without a socket."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any
from xml.etree import ElementTree as ET

import cbor2
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.body import BODY_LIMIT_BYTES
from processing_emulator.server.log_format import TextFormatter
from tests.builders import a_key, a_request
from tests.unit.aws.asgi import JSON_TYPE, Headers, call, call_target, exchange, http_scope
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import Api

CREATE, DESCRIBE = "SageMaker.CreateProcessingJob", "SageMaker.DescribeProcessingJob"
SIGNATURE = "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{}/aws4_request, SignedHeaders=host, Signature=0"
HOST = ("host", "127.0.0.1:9320")


@pytest.fixture
def api() -> Api:
    """The use cases behind the application."""
    return Api()


@pytest.fixture
def app(api: Api) -> ASGIApp:
    """The application."""
    return app_over(api, allowed_hosts=("172.17.0.1",))


LogLines = Callable[[], list[str]]


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """The lines that the server's log has, formatted."""
    stream, logger = StringIO(), logging.getLogger("processing_emulator")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: stream.getvalue().splitlines()
    logger.removeHandler(handler)
    logger.setLevel(level)


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


def test_an_impossible_region_is_refused(app: ASGIApp) -> None:
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


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_or_null_argument_gets_the_service_s_text(app: ASGIApp, empty: str | None) -> None:
    request = a_request(arguments=["x"])
    request["AppSpecification"]["ContainerArguments"] = ["x", empty]

    answer = call_target(app, CREATE, body_of(request))

    assert (answer.status, answer.document["__type"]) == (400, "ValidationException")
    assert answer.document["message"].startswith("Found null or empty string in ContainerArguments at index 1. ")


def test_modelled_errors_have_the_modelled_member(app: ASGIApp) -> None:
    call_target(app, CREATE, body_of(a_request()))

    answer = call_target(app, CREATE, body_of(a_request()))

    assert answer.status == 400
    assert set(answer.document) == {"__type", "Message"}
    assert answer.document["__type"] == "ResourceInUse"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("SageMaker.CreateTrainingJob", "SageMaker CreateTrainingJob is not supported by the emulator; docs/"),
        ("SageMaker.Search", "SageMaker Search is not supported by the emulator; docs/"),
        ("SageMaker.Nonsense", "SageMaker has no operation Nonsense"),
        ("DynamoDB_20120810.ListTables", "DynamoDB ListTables is not supported by the emulator; docs/"),
        (
            "GraniteServiceVersion20100801.ListDashboards",
            "CloudWatch ListDashboards is not supported by the emulator; docs/",
        ),
        ("TrentService.Decrypt", "KMS Decrypt is not supported by the emulator; docs/"),
        ("Logs_20140328.PutMetricFilter", "CloudWatch Logs PutMetricFilter is not supported by the emulator; docs/"),
        ("sagemaker.createprocessingjob", "sagemaker.createprocessingjob is not an operation of any AWS service known"),
        ("CreateProcessingJob", ".CreateProcessingJob is not an operation of any AWS service known"),
        ("Un\xffknown.X", "Un\xffknown.X is not an operation of any AWS service known"),
        ("", ". is not an operation of any AWS service known"),
    ],
)
def test_an_operation_that_is_not_served_is_refused_by_name(app: ASGIApp, target: str, text: str) -> None:
    answer = call_target(app, target, b"{}")

    assert (answer.status, answer.document["__type"]) == (400, "UnknownOperationException")
    assert answer.document["message"].startswith(text)


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/xml", "application/x-amz-json-2.0"])
def test_a_wrong_content_type_is_an_unknown_operation(app: ASGIApp, content_type: str) -> None:
    answer = call_target(app, CREATE, body_of(a_request()), ("content-type", content_type))

    assert (answer.status, answer.document["__type"]) == (404, "UnknownOperationException")
    assert JSON_TYPE in answer.document["message"]


def test_a_get_with_a_target_is_an_unknown_operation(app: ASGIApp) -> None:
    answer = call(app, method="GET", headers=(HOST, ("x-amz-target", CREATE), ("content-type", JSON_TYPE)))

    assert (answer.status, answer.document["__type"]) == (404, "UnknownOperationException")


def test_a_body_beyond_the_bound_is_refused(app: ASGIApp) -> None:
    answer = call_target(app, CREATE, b"x" * (BODY_LIMIT_BYTES + 1))

    assert (answer.status, answer.document["__type"]) == (413, "RequestEntityTooLargeException")


def test_the_largest_body_within_the_bound_is_read(app: ASGIApp) -> None:
    body = body_of(a_request())

    assert call_target(app, CREATE, body + b" " * (BODY_LIMIT_BYTES - len(body))).status == 200


def test_a_client_that_hangs_up_gets_no_answer_and_does_nothing(app: ASGIApp, api: Api) -> None:
    scope = http_scope("POST", "/", (HOST, ("x-amz-target", CREATE), ("content-type", JSON_TYPE)))

    sent = exchange(app, scope, [{"type": "http.request", "body": body_of(a_request()), "more_body": True}])

    assert sent == []
    assert api.store.list_unfinished() == []


@pytest.mark.parametrize("refused", [("host", "evil.test"), ("origin", "http://evil.test")])
@pytest.mark.parametrize("path", ["/", "/_emulator/health", "/bucket/key"])
def test_pages_of_other_sites_are_refused(app: ASGIApp, api: Api, refused: tuple[str, str], path: str) -> None:
    headers = {"host": "localhost:9320", "x-amz-target": CREATE, "content-type": JSON_TYPE, **dict([refused])}

    answer = call(app, path=path, headers=tuple(headers.items()), body=body_of(a_request()))

    assert answer.status == 403
    assert answer.document["__type"] == "AccessDeniedException"
    assert refused[1] in answer.document["message"]
    assert api.store.list_unfinished() == []


def test_allowed_hosts_are_allowed(app: ASGIApp) -> None:
    assert call_target(app, CREATE, body_of(a_request()), ("host", "172.17.0.1:9320")).status == 200


def test_other_requests_go_to_the_admin_application_or_to_s3(app: ASGIApp) -> None:
    admin = call(app, method="GET", path="/_emulator/health")
    s3 = call(app, method="PUT", path="/bucket/key", body=b"data")

    assert (admin.body, s3.body) == (b"admin", b"s3")
    assert "x-amzn-requestid" in admin.headers
    assert "x-amzn-requestid" in s3.headers


@pytest.mark.parametrize(
    ("form", "service", "text"),
    [
        (
            "Action=GetSessionToken&Version=2011-06-15",
            "",
            "STS GetSessionToken is not supported by the emulator",
        ),
        ("Action=Nonsense&Version=2011-06-15", "", "Could not find operation Nonsense for version 2011-06-15; docs/"),
        (
            "Action=GetCallerIdentity&Version=2010-05-08",
            "sts",
            "Could not find operation GetCallerIdentity for version",
        ),
        (
            "Action=ListDashboards&Version=2010-08-01",
            "monitoring",
            "CloudWatch ListDashboards is not supported by the emul",
        ),
        ("Action=ListTopics&Version=2010-03-31", "sns", "SNS ListTopics is not supported by the emulator; docs/"),
        ("Action=ListTopics&Version=2010-03-31", "", "Could not find operation ListTopics for version 2010-03-31"),
        ("Action=X&Version=1", "unheard-of", "Could not find operation X for version 1"),
    ],
)
def test_a_query_operation_is_refused_in_xml_by_name(app: ASGIApp, form: str, service: str, text: str) -> None:
    signature = [("authorization", SIGNATURE.format("a", "us-east-1", service))] if service else []
    headers = (HOST, ("content-type", "application/x-www-form-urlencoded"), *signature)

    answer = call(app, headers=headers, body=form.encode())

    error = ET.fromstring(answer.body).find("Error")
    assert error is not None
    assert (answer.status, error.findtext("Code")) == (400, "InvalidAction")
    assert (error.findtext("Message") or "").startswith(text)
    assert ET.fromstring(answer.body).findtext("RequestId") == answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize("body", [b"", b"Action=%00%1b<&Version=\xff", b"&" * 2000, b"a=" + b"x" * 2_000_000])
def test_a_form_of_any_content_gets_xml(app: ASGIApp, body: bytes) -> None:
    answer = call(app, headers=(HOST, ("content-type", "application/x-www-form-urlencoded")), body=body)

    assert answer.status in (400, 413)
    assert ET.fromstring(answer.body).find("Error") is not None


@pytest.mark.parametrize(
    ("signing_name", "text"),
    [
        ("lambda", "The service Lambda is not part of this emulator"),
        ("unheard-of", "The service unheard-of is not part of this emulator"),
    ],
)
def test_a_rest_service_is_refused_by_name(app: ASGIApp, signing_name: str, text: str) -> None:
    signature = ("authorization", SIGNATURE.format("a", "us-east-1", signing_name))

    answer = call(app, method="GET", path="/2015-03-31/functions", headers=(HOST, signature))

    assert answer.status == 404
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"
    assert answer.document["message"].startswith(text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/service/GraniteServiceVersion20100801/operation/PutDashboard", "CloudWatch PutDashboard is not supported"),
        ("/service/SageMaker/operation/Nonsense", "SageMaker has no operation Nonsense"),
        ("/service/a/operation/b", "a.b is not an operation of any AWS service known"),
        ("/service/a", "/service/a is not POST /service/NAME/operation/OPERATION"),
        ("/", "/ is not POST /service/NAME/operation/OPERATION"),
    ],
)
def test_an_rpc_operation_is_refused_in_cbor(app: ASGIApp, path: str, text: str) -> None:
    answer = call(app, path=path, headers=(HOST, ("smithy-protocol", "rpc-v2-cbor")))

    assert (answer.status, answer.headers["content-type"]) == (404, "application/cbor")
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    document = cbor2.loads(answer.body)
    assert document["__type"] == "UnknownOperationException"
    assert document["message"].startswith(text)


BROWSER = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_at_the_root_is_sent_to_the_emulator_s_page(app: ASGIApp, method: str) -> None:
    answer = call(app, method=method, headers=(HOST, BROWSER))

    assert (answer.status, answer.headers["location"]) == (307, "/_emulator/")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", (HOST,)),
        ("/", (HOST, ("accept", "*/*"))),
        ("/", (HOST, BROWSER, ("authorization", SIGNATURE.format("a", "us-east-1", "s3")))),
        ("/?X-Amz-Algorithm=AWS4-HMAC-SHA256", (HOST, BROWSER)),
        ("/", (("host", "bucket.localhost:9320"), BROWSER)),
        ("/bucket", (HOST, BROWSER)),
    ],
)
def test_an_s3_client_at_the_root_gets_its_answer(app: ASGIApp, path: str, headers: Headers) -> None:
    assert call(app, method="GET", path=path, headers=headers).body == b"s3"


@pytest.mark.parametrize("path", ["/%ff", "/\xff\xfe", "/a/../b", "/a%0ab", "/\n", "//", "/_emulator%ff"])
def test_a_target_is_served_whatever_the_path_is(app: ASGIApp, path: str) -> None:
    headers = (HOST, ("x-amz-target", "SageMaker.ListProcessingJobs"), ("content-type", JSON_TYPE))

    assert call(app, path=path, headers=headers, body=b"{}").status == 200


@pytest.mark.parametrize("path", ["/a%0ab", "/\n", "/bucket/k\ney", "//", "/bucket//"])
def test_a_path_of_any_characters_goes_to_s3(app: ASGIApp, path: str) -> None:
    assert call(app, method="GET", path=path, headers=(HOST,)).body == b"s3"


def test_a_request_of_http_1_1_without_a_host_is_refused(app: ASGIApp, api: Api) -> None:
    headers = (("x-amz-target", CREATE), ("content-type", JSON_TYPE))

    answer = call(app, headers=headers, body=body_of(a_request()))

    assert (answer.status, answer.document["__type"]) == (400, "BadRequest")
    assert api.store.list_unfinished() == []


@pytest.mark.parametrize("value", ["\x7f", "a\x01b", "\0"])
def test_a_control_character_in_a_header_is_refused(app: ASGIApp, value: str) -> None:
    answer = call(app, method="GET", path="/bucket", headers=(HOST, ("x-amz-meta-a", value)))

    assert (answer.status, answer.document["__type"]) == (400, "BadRequest")


def test_a_body_that_stops_arriving_is_given_up(api: Api) -> None:
    scope = http_scope("POST", "/", (HOST, ("x-amz-target", CREATE), ("content-type", JSON_TYPE)))
    sent: list[Message] = []
    messages: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    async def serve() -> None:
        await app_over(api, silence_seconds=0.01)(scope, receive, send)

    asyncio.run(serve())

    assert sent[0]["status"] == 408
    assert b"RequestTimeout" in sent[1]["body"]


def test_a_client_that_waits_long_for_its_answer_is_not_given_up(api: Api) -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        hang_up = asyncio.ensure_future(receive())
        await asyncio.wait({hang_up}, timeout=0.05)
        assert not hang_up.done()
        hang_up.cancel()
        await PlainTextResponse("done")(scope, receive, send)

    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    async def serve() -> None:
        await app_over(api, s3=slow, silence_seconds=0.01)(http_scope("GET", "/bucket", (HOST,)), receive, send)

    asyncio.run(serve())

    assert sent[0]["status"] == 200


def test_a_fault_is_an_internal_failure_that_is_logged_once(
    app: ASGIApp, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.store.go_down()

    answer = call_target(app, DESCRIBE, b'{"ProcessingJobName":"job"}')

    assert (answer.status, answer.document["__type"]) == (500, "InternalFailure")
    assert "store" not in answer.document["message"]
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None


def test_what_is_logged_of_a_request_names_its_id_its_operation_and_the_reason(
    app: ASGIApp, log_lines: LogLines
) -> None:
    created = call_target(app, CREATE, body_of(a_request("my-job")))
    refused = call_target(app, CREATE, body_of(a_request("my-job", Environment={"1": "hunter2"})))
    call_target(app, "SageMaker.Search", b"{}")

    first, second, third = log_lines()
    assert "INFO job created job=my-job" in first
    assert 'operation="SageMaker CreateProcessingJob"' in first
    assert f"request_id={created.headers['x-amzn-requestid']}" in first
    assert "INFO request refused" in second
    assert "status=400" in second
    assert "Value at 'environment' failed to satisfy constraint: Map keys must satisfy" in second
    assert f"request_id={refused.headers['x-amzn-requestid']}" in second
    assert "SageMaker Search is not supported by the emulator" in third
    assert "hunter2" not in first + second


async def failing_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails before it answers."""
    raise ConnectionError("the store is gone")


async def breaking_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails in the middle of its answer."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ConnectionError("the store is gone")


def test_a_fault_of_s3_is_answered_in_its_form_and_logged_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    answer = call(app_over(api, s3=failing_app), method="GET", path="/bucket")

    assert (answer.status, ET.fromstring(answer.body).findtext("Code")) == (500, "InternalFailure")
    assert [record.message for record in caplog.records] == ["request failed"]


def test_a_fault_in_the_middle_of_an_answer_adds_nothing_to_it(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    sent = exchange(app_over(api, s3=breaking_app), http_scope("GET", "/bucket", (HOST,)), [])

    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [record.message for record in caplog.records] == ["request failed"]


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
