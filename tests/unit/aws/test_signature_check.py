"""Requests where signatures are checked: which pass, and how each protocol refuses the others."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.signatures.verification import RequestHead
from tests.unit.aws.asgi import JSON_TYPE, Answer, call
from tests.unit.aws.aws_app import a_credential_store, app_over
from tests.unit.aws.signing import ACCESS_KEY, SECRET_KEY, Signer, with_header
from tests.unit.jobs.job_requests import Api

KEYS = a_credential_store({ACCESS_KEY: SECRET_KEY})
LIST = b"{}"
LIST_HEADERS = {"X-Amz-Target": "SageMaker.ListProcessingJobs", "Content-Type": JSON_TYPE}
WHO = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


class OffsetClock:
    """The machine's time, put forward or back."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """See the port."""
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        """See the port."""
        return 0.0


class RememberingStore:
    """A stand-in for the S3 store: keeps complete uploads."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.given_up = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self.kept.append(await Request(scope, receive).body())
        except ClientDisconnect:
            self.given_up += 1
            return
        await Response("stored")(scope, receive, send)


@pytest.fixture
def clock() -> OffsetClock:
    return OffsetClock()


@pytest.fixture
def store() -> RememberingStore:
    return RememberingStore()


@pytest.fixture
def app(clock: OffsetClock, store: RememberingStore) -> ASGIApp:
    """The application, with signatures enforced."""
    return app_over(Api(), s3=store, keys=KEYS, clock=clock, enforced=True)


def send(app: ASGIApp, request: RequestHead, body: bytes | Sequence[bytes] = b"") -> Answer:
    """Send a signed request."""
    path = request.path.decode() + (f"?{request.query.decode()}" if request.query else "")
    headers = tuple((name.decode(), value.decode("latin-1")) for name, value in request.headers)
    return call(app, method=request.method, path=path, headers=headers, body=body)


def json_request(signer: Signer | None = None) -> RequestHead:
    return (signer or Signer()).sign("POST", "/", LIST_HEADERS, LIST)


def form_request(signer: Signer | None = None) -> RequestHead:
    return (signer or Signer(service="sts")).sign("POST", "/", FORM_HEADERS, WHO)


def upload(body: bytes, signer: Signer | None = None) -> RequestHead:
    request = (signer or Signer(service="s3")).sign("PUT", "/b/k", {}, body)
    return with_header(request, "content-length", str(len(body)))


def xml_error(answer: Answer) -> tuple[int, str | None, str | None]:
    """Status, code and text of an error of S3 or of the query protocol."""
    document = ET.fromstring(answer.body)
    error = document.find("Error") if document.tag == "ErrorResponse" else document
    assert error is not None
    assert document.findtext("RequestId") == answer.headers["x-amzn-requestid"]
    return answer.status, error.findtext("Code"), error.findtext("Message")


def test_signed_requests_of_every_protocol_pass(app: ASGIApp, store: RememberingStore) -> None:
    assert send(app, json_request(), LIST).document == {"ProcessingJobSummaries": []}
    assert b"arn:aws:iam::000000000000:root" in send(app, form_request(), WHO).body
    assert send(app, upload(b"data"), b"data").body == b"stored"
    assert store.kept == [b"data"]


def test_a_signed_get_of_an_action_passes(app: ASGIApp) -> None:
    answer = send(app, Signer(service="sts").sign("GET", f"/?{WHO.decode()}", {}))

    assert b"<GetCallerIdentityResult>" in answer.body


def test_a_presigned_action_passes(app: ASGIApp) -> None:
    """How other systems let a client prove who it is."""
    answer = send(app, Signer(service="sts").presign("GET", f"/?{WHO.decode()}"))

    assert b"<GetCallerIdentityResult>" in answer.body


def test_the_emulator_s_own_endpoints_stay_open(app: ASGIApp) -> None:
    assert call(app, method="GET", path="/_emulator/health").body == b"admin"


INVALID = "The security token included in the request is invalid."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@pytest.mark.parametrize(
    ("signer", "code", "text"),
    [
        (Signer(access_key="AKIANOBODY"), "UnrecognizedClientException", INVALID),
        (Signer(secret_key="wrong"), "InvalidSignatureException", MISMATCH),
    ],
)
def test_json_services_refuse_with_their_codes(app: ASGIApp, signer: Signer, code: str, text: str) -> None:
    answer = send(app, json_request(signer), LIST)

    assert (answer.status, answer.document) == (400, {"__type": code, "message": text})


@pytest.mark.parametrize(
    ("signer", "code", "text"),
    [
        (Signer(service="sts", access_key="AKIANOBODY"), "InvalidClientTokenId", INVALID.rstrip(".")),
        (Signer(service="iam", secret_key="wrong"), "SignatureDoesNotMatch", MISMATCH),
    ],
)
def test_query_services_refuse_with_their_codes(app: ASGIApp, signer: Signer, code: str, text: str) -> None:
    assert xml_error(send(app, form_request(signer), WHO)) == (403, code, text)


@pytest.mark.parametrize(
    ("signer", "code"),
    [
        (Signer(service="s3", access_key="AKIANOBODY"), "InvalidAccessKeyId"),
        (Signer(service="s3", secret_key="wrong"), "SignatureDoesNotMatch"),
    ],
)
def test_s3_refuses_with_its_codes(app: ASGIApp, store: RememberingStore, signer: Signer, code: str) -> None:
    assert xml_error(send(app, upload(b"data", signer), b"data"))[:2] == (403, code)
    assert (store.kept, store.given_up) == ([], 0)


def test_requests_without_a_signature_are_refused_by_every_protocol(app: ASGIApp, store: RememberingStore) -> None:
    host = ("host", "127.0.0.1:9320")
    target = (host, ("x-amz-target", "SageMaker.ListProcessingJobs"), ("content-type", JSON_TYPE))

    answer = call(app, headers=target, body=LIST)
    cbor = call(app, path="/service/a/operation/B", headers=(host, ("smithy-protocol", "rpc-v2-cbor")))
    form = call(app, headers=(host, *FORM_HEADERS.items()), body=WHO)
    s3 = call(app, method="GET", path="/b/k")

    assert answer.document == {
        "__type": "MissingAuthenticationTokenException",
        "message": "Missing Authentication Token",
    }
    assert b"MissingAuthenticationTokenException" in cbor.body
    assert xml_error(form) == (403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    assert xml_error(s3) == (403, "AccessDenied", "Access Denied")
    assert store.kept == []


def test_rest_service_is_refused_for_its_signature_first(app: ASGIApp) -> None:
    request = Signer(service="lambda").sign("GET", "/2015-03-31/functions", {})

    wrong = send(app, Signer(service="lambda", secret_key="wrong").sign("GET", "/2015-03-31/functions", {}))

    assert send(app, request).headers["x-amzn-errortype"] == "UnknownOperationException"
    assert wrong.headers["x-amzn-errortype"] == "InvalidSignatureException"


@pytest.mark.parametrize("service", ["s3", "sts", "sagemaker-runtime", "SageMaker"])
def test_a_signature_for_another_service_is_refused(app: ASGIApp, service: str) -> None:
    answer = send(app, json_request(Signer(service=service)), LIST)

    text = "Credential should be scoped to correct service: 'sagemaker'."
    assert (answer.status, answer.document) == (400, {"__type": "InvalidSignatureException", "message": text})


@pytest.mark.parametrize("service", ["s3", "iam", "sagemaker"])
def test_the_signature_of_a_form_names_the_service(app: ASGIApp, service: str) -> None:
    assert xml_error(send(app, form_request(Signer(service=service)), WHO))[:2] == (400, "InvalidAction")


def test_cbor_that_is_signed_for_another_service_is_refused(app: ASGIApp) -> None:
    path, headers = "/service/SageMaker/operation/ListProcessingJobs", {"Smithy-Protocol": "rpc-v2-cbor"}

    other = send(app, Signer(service="logs").sign("POST", path, headers))

    assert send(app, Signer().sign("POST", path, headers)).status == 200
    assert (other.status, b"InvalidSignatureException" in other.body) == (400, True)


def test_replay_outside_the_window_has_expired(app: ASGIApp, clock: OffsetClock) -> None:
    requests = json_request(), form_request(), upload(b"data")
    assert send(app, requests[0], LIST).status == 200

    clock.offset = timedelta(minutes=16)

    answer = send(app, requests[0], LIST)
    assert (answer.status, answer.document["__type"]) == (400, "InvalidSignatureException")
    assert answer.document["message"].startswith("Signature expired: 20")
    status, code, text = xml_error(send(app, requests[1], WHO))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert (text or "").endswith(" - 15 min.)")
    assert xml_error(send(app, requests[2], b"data"))[:2] == (403, "RequestTimeTooSkewed")


def test_expired_sessions_have_their_own_code(app: ASGIApp, clock: OffsetClock) -> None:
    keys = KEYS.session_tokens.issue(
        account="111122223333", role="R", session="me", now=clock.now(), lifetime_seconds=60
    )

    def signer(service: str) -> Signer:
        return Signer(service=service, access_key=keys.access_key, secret_key=keys.secret_key, token=keys.session_token)

    assert b"arn:aws:sts::111122223333:assumed-role/R/me" in send(app, form_request(signer("sts")), WHO).body
    clock.offset = timedelta(seconds=61)

    answer = send(app, json_request(signer("sagemaker")), LIST)
    text = "The security token included in the request is expired"
    assert answer.document == {"__type": "ExpiredTokenException", "message": text}
    assert xml_error(send(app, form_request(signer("sts")), WHO)) == (403, "ExpiredToken", text)
    assert xml_error(send(app, upload(b"x", signer("s3")), b"x"))[:2] == (400, "ExpiredToken")


def test_another_body_is_refused(app: ASGIApp) -> None:
    assert send(app, json_request(), b'{"MaxResults":1}').document["__type"] == "InvalidSignatureException"
    assert xml_error(send(app, form_request(), WHO + b"&a=b"))[1] == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "chunks",
    [[b"dat", b"b"], [b"datb"], [b"datb", b""], [b"", b"dat", b"", b"b", b""], [b"da"], [b"data", b"more"], [b""]],
)
def test_another_body_is_not_kept_by_the_store(app: ASGIApp, store: RememberingStore, chunks: list[bytes]) -> None:
    answer = send(app, upload(b"data"), chunks)

    assert xml_error(answer)[:2] == (400, "XAmzContentSHA256Mismatch")
    assert store.kept == []


@pytest.mark.parametrize("chunks", [[b"data"], [b"da", b"ta"], [b"", b"data", b""], [b"d", b"", b"a", b"t", b"a"]])
def test_an_upload_in_chunks_is_handed_on_whole(app: ASGIApp, store: RememberingStore, chunks: list[bytes]) -> None:
    assert send(app, upload(b"data"), chunks).body == b"stored"
    assert store.kept == [b"data"]


def test_body_of_a_request_without_one_is_refused(app: ASGIApp, store: RememberingStore) -> None:
    request = with_header(upload(b"data"), "content-length", "0")

    assert xml_error(send(app, request))[1] == "XAmzContentSHA256Mismatch"
    assert store.kept == []


@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_a_body_without_a_digest_is_covered_by_its_header(app: ASGIApp, store: RememberingStore, payload: str) -> None:
    request = Signer(service="s3").presign("PUT", "/b/k")
    assert send(app, with_header(request, "content-length", "4"), b"data").body == b"stored"

    captured = with_header(upload(b"data"), "x-amz-content-sha256", payload)
    assert xml_error(send(app, captured, b"data"))[1] == "SignatureDoesNotMatch"
    assert len(store.kept) == 1


def test_presigned_url_works_for_its_method_and_object_only(app: ASGIApp, store: RememberingStore) -> None:
    request = Signer(service="s3").presign("GET", "/b/k")

    assert send(app, request).body == b"stored"
    assert xml_error(send(app, replace(request, method="DELETE")))[1] == "SignatureDoesNotMatch"
    assert xml_error(send(app, replace(request, path=b"/b/other")))[1] == "SignatureDoesNotMatch"
    assert len(store.kept) == 1


def test_a_raw_number_sign_does_not_hide_the_end_of_a_presigned_url(
    app: ASGIApp, store: RememberingStore, clock: OffsetClock
) -> None:
    request = Signer(service="s3").presign("GET", "/b/k?x-id=GetObject")
    request = replace(request, query=b"&".join(reversed(request.query.split(b"&"))))  # the signature first
    tagging = replace(request, query=request.query + b"#&tagging")
    longer = replace(request, path=b"/b/k#x")
    assert xml_error(send(app, tagging))[:2] == (400, "InvalidURI")
    assert xml_error(send(app, longer))[:2] == (400, "InvalidURI")

    clock.offset = timedelta(hours=1)
    expired = replace(request, query=request.query + b"#&X-Amz-Expires=604800")
    assert xml_error(send(app, expired))[:2] == (400, "InvalidURI")
    assert store.kept == []


def test_a_raw_number_sign_is_refused_by_every_protocol(app: ASGIApp) -> None:
    who = Signer(service="sts").presign("GET", f"/?{WHO.decode()}")
    who = replace(who, query=b"&".join(reversed(who.query.split(b"&"))))  # the signature first
    rest = Signer(service="lambda").sign("GET", "/2015-03-31/functions", {})

    sts = send(app, replace(who, query=who.query + b"#&Action=AssumeRole"))
    target = send(app, replace(json_request(), query=b"#"), LIST)
    form = send(app, replace(form_request(), query=b"#&a"), WHO)
    functions = send(app, replace(rest, query=b"a=#"))
    admin = call(app, method="GET", path="/_emulator/health?#")

    assert {answer.status for answer in (sts, target, form, functions, admin)} == {400}
    assert xml_error(sts)[1] == xml_error(form)[1] == "BadRequest"
    assert target.document["__type"] == "BadRequest"
    assert functions.headers["x-amzn-errortype"] == "BadRequest"


def test_a_body_beyond_the_bound_is_refused(app: ASGIApp) -> None:
    body = b" " * (1024 * 1024 + 1)

    assert send(app, Signer().sign("POST", "/", LIST_HEADERS, body), body).status == 413


def test_neither_keys_nor_signatures_are_logged(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    request = json_request(Signer(secret_key="wrong"))
    with caplog.at_level(logging.DEBUG):
        send(app, request, LIST)

    told = "".join(str(vars(record)) for record in caplog.records)
    assert "another secret key or another request was signed" in told
    for secret in (
        SECRET_KEY,
        (request.header(b"authorization") or "").rpartition("=")[2],
        hashlib.sha256(LIST).hexdigest(),
    ):
        assert secret not in told
