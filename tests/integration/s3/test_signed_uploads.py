"""Uploads to a real store through the check of signatures: a body that was not signed is not stored."""

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.types import ASGIApp

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.aws.signatures.check import SignatureCheck
from tests.fixtures_s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server, make_bucket
from tests.integration.s3.proxy_server import embedded, serving_proxy
from tests.unit.aws.aws_app import a_credential_store

pytestmark = pytest.mark.s3

SIZE = 3 * 1024 * 1024


def put(url: str, path: str, signed: bytes, sent: bytes) -> tuple[int, bytes]:
    """PUT one body under the signature of another of the same length; status and response."""
    request = AWSRequest(method="PUT", url=url + path, data=signed)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION).add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("PUT", path, sent, dict(request.headers.items()))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def url(request: pytest.FixtureRequest, s3_server: S3Server) -> Iterator[str]:
    """A proxy to each store, with the middleware that checks signatures in front of it."""
    credentials = a_credential_store({ACCESS_KEY: SECRET_KEY})

    def checked(app: ASGIApp) -> ASGIApp:
        return SignatureCheck(app, credentials=credentials, clock=SystemClock())

    is_embedded = request.node.callspec.params["s3_server"] == "seaweedfs"
    with serving_proxy(s3_server.endpoint, checked, embedded() if is_embedded else None) as served:
        yield served


@pytest.fixture
def client(s3_server: S3Server, url: str) -> Iterator[Any]:
    """A boto3 client of that proxy."""
    with s3_server.client(url) as made:
        yield made


def test_a_body_that_was_not_signed_is_not_stored(client: Any, url: str) -> None:
    signed, other = b"a" * SIZE, b"a" * (SIZE - 1) + b"b"
    bucket = make_bucket(client)

    status, answer = put(url, f"/{bucket}/key", signed, other)

    assert (status, b"XAmzContentSHA256Mismatch" in answer) == (400, True)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert put(url, f"/{bucket}/key", signed, signed)[0] == 200
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == signed
