"""Uploads through a front door that enforces signatures, to a real store: what was not signed is not stored."""

import http.client
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from emulator.adapters.clock import SystemClock
from emulator.aws.enforcement import enforcing
from tests.fixtures_s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server, make_bucket
from tests.integration.s3.through import passed_through
from tests.unit.aws.parts import a_keyring

pytestmark = pytest.mark.s3

SIZE = 3 * 1024 * 1024


def put(url: str, path: str, signed: bytes, sent: bytes) -> tuple[int, bytes]:
    """PUT one body under the signature of another of the same length; status and answer."""
    request = AWSRequest(method="PUT", url=url + path, data=signed)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION).add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("PUT", path, sent, dict(request.headers.items()))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_body_that_was_not_signed_is_not_stored(s3_server: S3Server) -> None:
    signed, other = b"a" * SIZE, b"a" * (SIZE - 1) + b"b"
    keys = a_keyring({ACCESS_KEY: SECRET_KEY})
    with (
        passed_through(s3_server.endpoint, lambda app: enforcing(app, keys, SystemClock())) as url,
        s3_server.client(url) as client,
    ):
        bucket = make_bucket(client)

        status, answer = put(url, f"/{bucket}/key", signed, other)

        assert (status, b"XAmzContentSHA256Mismatch" in answer) == (400, True)
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        assert put(url, f"/{bucket}/key", signed, signed)[0] == 200
        assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == signed
