"""Requests to the embedded store are signed with its own identity, whatever the client sent."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.fixtures_s3 import S3Server, make_bucket
from tests.integration.s3.proxy_server import embedded, serving_proxy

pytestmark = pytest.mark.s3


@pytest.fixture(scope="module")
def url(seaweedfs: S3Server) -> Iterator[str]:
    with serving_proxy(seaweedfs.endpoint, middleware=embedded()) as server:
        yield server


@pytest.fixture(scope="module")
def bucket(url: str) -> str:
    with S3Server(endpoint=url).client() as client:
        return make_bucket(client)


def send(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize(
    "query",
    [
        "prefix=%FF",
        "list-type=2&prefix=%FF",
        "versions&prefix=%FF",
        "uploads&prefix=%00",
        "marker=%zz",
        "max-keys=x",
        "list-type=2&max-keys=-1",
        "versions&max-keys=1.5",
    ],
)
def test_listing_parameter_that_is_malformed_is_a_bad_request(url: str, bucket: str, query: str) -> None:
    status, document = send(f"{url}/{bucket}?{query}")
    assert (status, b"<Code>InvalidArgument</Code>" in document) == (400, True)


def test_key_that_is_not_utf_8_is_a_bad_request(url: str, bucket: str) -> None:
    assert send(f"{url}/{bucket}/%FF", "PUT", b"x")[0] == 400


@pytest.mark.parametrize("key", ["a;b", "a+b", "a%2Bb", "a%2Fb", "a=b&c", "(a)'*!", "a:@$,b", "%7Eb", "x//y"])
def test_key_may_be_spelled_in_any_way(url: str, bucket: str, key: str) -> None:
    assert send(f"{url}/{bucket}/{key}", "PUT", key.encode())[0] == 200
    assert send(f"{url}/{bucket}/{key}") == (200, key.encode())


def test_headers_of_the_object_are_stored(url: str, bucket: str) -> None:
    headers = {"x_amz_meta_a": "two   spaces", "x_amz_acl": "private", "x_forwarded_host": "example.org"}
    assert send(f"{url}/{bucket}/k", "PUT", b"x", authorization="Bearer any", **headers)[0] == 200
    with S3Server(endpoint=url, access_key="any", secret_key="other").client() as client:
        assert client.head_object(Bucket=bucket, Key="k")["Metadata"]["a"].split() == ["two", "spaces"]


@pytest.mark.parametrize("signature_version", ["s3", "s3v4"])
def test_presigned_urls_of_any_keys_work(url: str, bucket: str, signature_version: str) -> None:
    with S3Server(endpoint=url, access_key="any").client(signature_version=signature_version) as client:
        target = {"Bucket": bucket, "Key": "pre signed+ü"}
        assert send(client.generate_presigned_url("put_object", Params=target), "PUT", b"x")[0] == 200
        assert send(client.generate_presigned_url("get_object", Params=target)) == (200, b"x")


def test_bucket_that_is_named_by_the_host_is_found(url: str, bucket: str) -> None:
    port = url.rpartition(":")[2]
    assert send(f"{url}/in-host", "PUT", b"x", host=f"{bucket}.localhost:{port}")[0] == 200
    assert send(f"{url}/{bucket}/in-host") == (200, b"x")


def test_object_that_is_encrypted_with_a_key_of_the_client_needs_that_key(url: str, bucket: str) -> None:
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    with S3Server(endpoint=url).client() as client:
        client.put_object(Bucket=bucket, Key="sse-c", Body=b"x", **key)
        assert client.get_object(Bucket=bucket, Key="sse-c", **key)["Body"].read() == b"x"
        with pytest.raises(ClientError):
            client.get_object(Bucket=bucket, Key="sse-c")


@pytest.mark.parametrize("host", ["[::1]:9320", "localhost", "LOCALHOST:80", "127.0.0.1:443", "emulator.example.org"])
def test_host_may_have_any_form(url: str, bucket: str, host: str) -> None:
    assert send(f"{url}/{bucket}/any-host", "PUT", b"x", host=host)[0] == 200
