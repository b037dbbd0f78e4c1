"""No input gives a server error. PROCESSING_EMULATOR_TEST_FUZZ_EXAMPLES sets how many are tried in each test."""

import json
import logging
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp

from processing_emulator.config import TEST_PREFIX
from tests.contract.aws.shapes import values
from tests.unit.aws.asgi import JSON_TYPE, call, call_target
from tests.unit.aws.aws_app import app_over, service_model
from tests.unit.jobs.job_requests import Api

SERVED = ("CreateProcessingJob", "DescribeProcessingJob", "ListProcessingJobs", "StopProcessingJob")
TARGETS = [f"SageMaker.{name}" for name in SERVED]
REQUESTS = {
    f"SageMaker.{name}": values(service_model().operations[name].input, whole_seconds=True).map(
        lambda request: json.loads(json.dumps(request, default=lambda moment: moment.timestamp()))
    )
    for name in SERVED
}
NAMES = sorted({name for name in SERVED for name in service_model().operations[name].input.members})

fuzzed = settings(
    deadline=None,
    max_examples=int(os.environ.get(f"{TEST_PREFIX}FUZZ_EXAMPLES", "60")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.sampled_from([10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=4),
    max_leaves=12,
)
header_text = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60)


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    """The application that gets all requests of a test."""
    return app_over(Api())


def check(app: ASGIApp, caplog: pytest.LogCaptureFixture, target: str, body: bytes) -> int:
    """Send it; no server error, no traceback in the log, and an answer that the protocol allows."""
    answer = call_target(app, target, body)

    assert answer.status < 500, answer.body
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    if answer.status != 200:
        assert set(answer.document) in ({"__type", "message"}, {"__type", "Message"})
    elif answer.body:
        assert isinstance(answer.document, dict)
        assert b":null" not in answer.body
    return answer.status


@fuzzed
@given(target=st.sampled_from(TARGETS), body=st.binary(max_size=400))
def test_any_bytes(app: ASGIApp, caplog: pytest.LogCaptureFixture, target: str, body: bytes) -> None:
    assert check(app, caplog, target, body) == 400


@fuzzed
@given(target=st.sampled_from(TARGETS), document=json_values)
def test_any_json(app: ASGIApp, caplog: pytest.LogCaptureFixture, target: str, document: Any) -> None:
    check(app, caplog, target, json.dumps(document).encode())


@fuzzed
@given(target=st.sampled_from(TARGETS), data=st.data())
def test_any_request_of_the_model(
    app: ASGIApp, caplog: pytest.LogCaptureFixture, target: str, data: st.DataObject
) -> None:
    check(app, caplog, target, json.dumps(data.draw(REQUESTS[target])).encode())


@fuzzed
@given(target=st.sampled_from(TARGETS), data=st.data())
def test_any_request_of_the_model_with_one_wrong_part(
    app: ASGIApp, caplog: pytest.LogCaptureFixture, target: str, data: st.DataObject
) -> None:
    request = data.draw(REQUESTS[target])
    place = request
    while isinstance(place, dict | list) and place:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not (isinstance(inner, dict | list) and inner) or data.draw(st.booleans()):
            place[key] = data.draw(json_values)
            break
        place = inner
    check(app, caplog, target, json.dumps(request).encode())


@fuzzed
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]),
    path=st.sampled_from(["/", "/bucket/key", "/_emulator/x", "/service/a/operation/b"]),
    headers=st.dictionaries(
        st.sampled_from(
            ["host", "origin", "authorization", "content-type", "content-length", "x-amz-target", "smithy-protocol"]
        ),
        header_text | st.sampled_from([JSON_TYPE, "application/x-www-form-urlencoded", "rpc-v2-cbor", *TARGETS]),
    ),
    body=st.binary(max_size=100),
)
def test_any_headers(
    app: ASGIApp,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    answer = call(app, method=method, path=path, headers=tuple(headers.items()), body=body)

    assert answer.status < 500
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
