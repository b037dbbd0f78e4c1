"""Uploads in the `aws-chunked` framing, signed with keys that the embedded store does not know."""

import http.client
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import pytest
from botocore.exceptions import ClientError

from tests.fixtures_s3 import S3Server, make_bucket
from tests.integration.s3.proxy_server import embedded, serving_proxy

pytestmark = pytest.mark.s3

SIGNATURE = "0" * 64
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, "
    f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={SIGNATURE}"
)
FRAMINGS = {
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": b"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (
        f"b;chunk-signature={SIGNATURE}\r\nhello world\r\n0;chunk-signature={SIGNATURE}\r\n\r\n".encode()
    ),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (
        f"b;chunk-signature={SIGNATURE}\r\nhello world\r\n0;chunk-signature={SIGNATURE}\r\n"
        f"x-amz-checksum-crc32:DUoRhQ==\r\nx-amz-trailer-signature:{SIGNATURE}\r\n\r\n".encode()
    ),
}
UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.fixture
def url(seaweedfs: S3Server) -> Iterator[str]:
    with serving_proxy(seaweedfs.endpoint, middleware=embedded()) as served:
        yield served


@pytest.fixture
def client(seaweedfs: S3Server, url: str) -> Iterator[Any]:
    with seaweedfs.client(url) as made:
        yield made


def _put(url: str, path: str, framing: str, body: bytes, **changes: str | None) -> tuple[int, bytes]:
    headers: dict[str, str | None] = {
        "authorization": AUTHORIZATION,
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": framing,
        "x-amz-date": "20260101T000000Z",
        "x-amz-decoded-content-length": "11",
        "x-amz-meta-mine": "kept",
    }
    if framing.endswith("-TRAILER"):
        headers["x-amz-trailer"] = "x-amz-checksum-crc32"
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request("PUT", path, body, {name: value for name, value in headers.items() if value is not None})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("framing", FRAMINGS)
def test_object_is_stored_without_its_framing(client: Any, url: str, framing: str) -> None:
    bucket = make_bucket(client)
    assert _put(url, f"/{bucket}/k", framing, FRAMINGS[framing])[0] == 200
    stored = client.get_object(Bucket=bucket, Key="k")
    assert (stored["Body"].read(), stored["ContentLength"]) == (b"hello world", 11)
    assert stored["Metadata"] == {"mine": "kept"}
    assert "ContentEncoding" not in stored


def test_large_object_arrives_unchanged(client: Any, url: str) -> None:
    bucket = make_bucket(client)
    content = bytes(range(256)) * 32768
    step = 65536
    chunks = [content[at : at + step] for at in range(0, len(content), step)]
    end = b"0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % b64encode(crc32(content).to_bytes(4))
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end
    status, _ = _put(url, f"/{bucket}/k", UNSIGNED, body, x_amz_decoded_content_length=str(len(content)))
    assert status == 200
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == content


@pytest.mark.parametrize(
    "body", [b"b\r\nhello", b"b\r\nhello world\r\n", FRAMINGS[UNSIGNED].replace(b"DUoRhQ==", b"AAAAAA==")]
)
def test_truncated_body_or_one_with_a_wrong_checksum_is_not_stored(client: Any, url: str, body: bytes) -> None:
    bucket = make_bucket(client)
    status, document = _put(url, f"/{bucket}/k", UNSIGNED, body)
    assert (status, b"<Code>IncompleteBody</Code>" in document) == (400, True)
    with pytest.raises(ClientError):
        client.head_object(Bucket=bucket, Key="k")
