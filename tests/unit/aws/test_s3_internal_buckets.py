"""Buckets whose names begin with a dot belong to the embedded store, and are refused as S3 refuses such names."""

import pytest
from starlette.types import ASGIApp

from processing_emulator.aws.s3.seaweedfs_compat import seaweedfs_middleware
from tests.unit.aws.asgi import call
from tests.unit.aws.aws_app import app_over, named_app
from tests.unit.jobs.job_requests import Api


@pytest.fixture
def app() -> ASGIApp:
    """The application over a store that answers to everything."""
    store = seaweedfs_middleware(named_app("stored"), sign=lambda *_args, **_more: {}, full_disk=lambda: None)
    return app_over(Api(), s3=store)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("path", ["/.system", "/.system/", "/.system?list-type=2", "/%2Esystem/owners", "/.", "/.a/b"])
def test_a_bucket_name_that_begins_with_a_dot_is_invalid(app: ASGIApp, method: str, path: str) -> None:
    answer = call(app, method=method, path=path)

    assert answer.status == 400
    assert b"<Code>InvalidBucketName</Code>" in answer.body


def test_a_bucket_in_the_host_name_is_checked_too(app: ASGIApp) -> None:
    answer = call(app, method="GET", path="/", headers=(("host", ".system.localhost:9320"),))

    assert (answer.status, b"InvalidBucketName" in answer.body) == (400, True)


@pytest.mark.parametrize("path", ["/", "/bucket", "/bucket/.key", "/bucket/a/.b"])
def test_keys_may_begin_with_a_dot(app: ASGIApp, path: str) -> None:
    assert call(app, method="GET", path=path).body == b"stored"
