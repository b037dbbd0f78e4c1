"""Uploads through a front door that enforces signatures, to a real store: what was not signed is not stored."""

import http.client
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from processing_emulator.adapters.clock import SystemClock
from processing_emulator.aws.signatures.enforcement import enforcing

from tests.fixtures_s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server, make_bucket
from tests.integration.s3.through import embedded, passed_through
from tests.unit.aws.chunked import SIGNED, SIGNED_TRAILER, ChunkSigner, Upload
from tests.unit.aws.parts import a_keyring
from tests.unit.aws.signing import NamedPayloadAuth

pytestmark = pytest.mark.s3

SIZE = 3 * 1024 * 1024


PIECES = (b"a" * 65536, b"b" * 65536, b"c" * 1024)


def put(url: str, path: str, signed: bytes, sent: bytes) -> tuple[int, bytes]:
    """PUT one body under the signature of another of the same length; status and answer."""
    request = AWSRequest(method="PUT", url=url + path, data=signed)
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION).add_auth(request)
    return _sent(url, path, request, sent)


def put_chunks(
    url: str, path: str, pieces: Sequence[bytes], kind: str, change: Callable[[Upload], Upload] = lambda upload: upload
) -> tuple[int, bytes]:
    """PUT an object in signed chunks, which are changed on their way; status and answer."""
    whole = b"".join(pieces)
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(whole))}
    trailer = None
    if kind == SIGNED_TRAILER:
        headers["x-amz-trailer"] = "x-amz-checksum-crc32"
        trailer = b"x-amz-checksum-crc32:" + b64encode(crc32(whole).to_bytes(4))
    request = AWSRequest(method="PUT", url=url + path, headers=headers)
    NamedPayloadAuth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION, kind).add_auth(request)
    signer = ChunkSigner(
        seed=request.headers["Authorization"].rpartition("=")[2],
        stamp=request.context["timestamp"],
        region=REGION,
        secret_key=SECRET_KEY,
    )
    return _sent(url, path, request, change(signer.upload(pieces, trailer)).wire)


def _sent(url: str, path: str, request: AWSRequest, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("PUT", path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def url(request: pytest.FixtureRequest, s3_server: S3Server) -> Iterator[str]:
    """Each store in turn behind a front that enforces signatures, as the server puts it there."""
    keys = a_keyring({ACCESS_KEY: SECRET_KEY})
    is_embedded = request.node.callspec.params["s3_server"] == "seaweedfs"
    adapt = embedded() if is_embedded else None
    with passed_through(s3_server.endpoint, lambda app: enforcing(app, keys, SystemClock()), adapt) as served:
        yield served


@pytest.fixture
def client(s3_server: S3Server, url: str) -> Iterator[Any]:
    """boto3 at that front."""
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


KINDS = pytest.mark.parametrize("kind", [SIGNED, SIGNED_TRAILER])


@KINDS
@pytest.mark.parametrize("pieces", [PIECES, (b"small",), ()])
def test_an_object_in_signed_chunks_is_stored(client: Any, url: str, kind: str, pieces: Sequence[bytes]) -> None:
    bucket = make_bucket(client)

    assert put_chunks(url, f"/{bucket}/key", pieces, kind)[0] == 200
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"".join(pieces)


CHANGES: dict[str, tuple[Callable[[Upload], Upload], int, bytes]] = {
    "first chunk": (lambda u: u.with_chunk(0, data=b"a" * 65535 + b"b"), 403, b"SignatureDoesNotMatch"),
    "last chunk": (lambda u: u.with_chunk(2, data=b"c" * 1023 + b"d"), 403, b"SignatureDoesNotMatch"),
    "signature of the empty chunk": (lambda u: u.with_chunk(3, signature=b"0" * 64), 403, b"SignatureDoesNotMatch"),
    "order": (lambda u: u.in_order(1, 0, 2, 3), 403, b"SignatureDoesNotMatch"),
    "one left out": (lambda u: u.in_order(0, 2, 3), 403, b"SignatureDoesNotMatch"),
    "end cut off": (lambda u: replace(u.in_order(0, 1, 2), end=b""), 400, b"IncompleteBody"),
    "framing": (lambda u: u.with_chunk(2, size=b"?"), 400, b"IncompleteBody"),
}


@KINDS
@pytest.mark.parametrize("change", CHANGES)
def test_of_chunks_that_were_not_signed_nothing_is_stored(client: Any, url: str, kind: str, change: str) -> None:
    bucket = make_bucket(client)
    changed, status, code = CHANGES[change]

    answer = put_chunks(url, f"/{bucket}/key", PIECES, kind, changed)

    assert (answer[0], b"<Code>%s</Code>" % code in answer[1]) == (status, True)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_object_whose_trailer_was_changed_is_not_stored(client: Any, url: str) -> None:
    def changed(upload: Upload) -> Upload:
        return replace(upload, end=upload.end.replace(b"crc32:", b"crc32:A"))

    bucket = make_bucket(client)

    status, answer = put_chunks(url, f"/{bucket}/key", PIECES, SIGNED_TRAILER, changed)

    assert (status, b"SignatureDoesNotMatch" in answer) == (403, True)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@KINDS
def test_of_an_empty_object_that_was_not_signed_nothing_is_stored(client: Any, url: str, kind: str) -> None:
    bucket = make_bucket(client)

    status, answer = put_chunks(url, f"/{bucket}/key", (), kind, lambda u: u.with_chunk(0, signature=b"0" * 64))

    assert (status, b"SignatureDoesNotMatch" in answer) == (403, True)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
