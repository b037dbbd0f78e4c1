"""boto3 works through the proxy as it does with the store itself; MinIO checks every signature."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.fixtures_s3 import ODD_NAMES, S3Server, make_bucket
from tests.integration.s3.proxy_server import embedded, serving_proxy

pytestmark = pytest.mark.s3

MIB = 1024**2


@pytest.fixture
def url(s3_server: S3Server) -> Iterator[str]:
    with serving_proxy(s3_server.endpoint) as served:
        yield served


@pytest.fixture
def client(s3_server: S3Server, url: str) -> Iterator[Any]:
    with s3_server.client(url, signature_version="s3v4") as made:
        yield made


@pytest.fixture
def bucket(client: Any) -> str:
    return make_bucket(client)


def error_of(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_object_is_stored_listed_and_deleted(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a/b", Body=b"content", ContentType="text/x-odd", Metadata={"who": "me"})
    head = client.head_object(Bucket=bucket, Key="a/b")
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (7, "text/x-odd", {"who": "me"})
    assert client.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"content"
    assert [stored["Key"] for stored in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/b"]
    client.delete_object(Bucket=bucket, Key="a/b")
    with pytest.raises(ClientError) as caught:
        client.head_object(Bucket=bucket, Key="a/b")
    assert error_of(caught) == ("404", 404)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_key_is_signed_and_stored_unchanged(client: Any, bucket: str, name: str) -> None:
    client.put_object(Bucket=bucket, Key=f"in/{name}", Body=name.encode())
    assert client.get_object(Bucket=bucket, Key=f"in/{name}")["Body"].read() == name.encode()
    found = client.list_objects_v2(Bucket=bucket, Prefix=f"in/{name}")["Contents"]
    assert [stored["Key"] for stored in found] == [f"in/{name}"]


def test_empty_object_stays_empty(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert client.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""
    assert client.head_object(Bucket=bucket, Key="empty")["ContentLength"] == 0


def test_range_is_partial_content(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    part = client.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_not_modified_has_no_body(client: Any, bucket: str) -> None:
    etag = client.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert error_of(caught) == ("304", 304)
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_multipart_upload_of_64_mib_arrives_unchanged(
    client: Any, bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("large")
    source, target = folder / "source", folder / "target"
    block = hashlib.sha512(b"x").digest() * 16384
    with source.open("wb") as file:
        for number in range(64):
            file.write(number.to_bytes(4, "big") + block[4:])
    parts = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=4)
    client.upload_file(str(source), bucket, "large", Config=parts)
    assert client.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-8"')
    client.download_file(bucket, "large", str(target), Config=parts)
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()


def test_presigned_urls_of_the_proxy_work(client: Any, bucket: str) -> None:
    put = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "sp ace+ü"})
    request = urllib.request.Request(put, data=b"presigned", method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    get = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "sp ace+ü"})
    with urllib.request.urlopen(get, timeout=30) as answer:
        assert answer.read() == b"presigned"


def test_upload_to_a_missing_bucket_is_the_stores_own_error(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.put_object(Bucket="never-made-at-all", Key="k", Body=b"x" * (8 * MIB))
    assert error_of(caught) == ("NoSuchBucket", 404)


def test_wrong_secret_is_refused_by_the_store(minio: S3Server) -> None:
    """This shows that the other tests prove something about signatures."""
    stranger = S3Server(endpoint=minio.endpoint, secret_key="not-the-secret")
    with (
        serving_proxy(minio.endpoint) as url,
        stranger.client(url) as client,
        pytest.raises(ClientError) as caught,
    ):
        client.list_objects_v2(Bucket="any-bucket")
    assert error_of(caught) == ("SignatureDoesNotMatch", 403)


def test_compressed_content_is_unchanged(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="k", Body=b"no gzip at all", ContentEncoding="gzip")
    request = urllib.request.Request(client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}))
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert (answer.read(), answer.headers["Content-Encoding"]) == (b"no gzip at all", "gzip")


def test_error_of_the_store_has_one_date(client: Any, url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{url}/never-made-at-all/k", timeout=30)
    with caught.value as error:
        assert len(error.headers.get_all("date") or []) == 1


def test_embedded_store_ignores_a_kms_key(seaweedfs: S3Server) -> None:
    with (
        serving_proxy(seaweedfs.endpoint, middleware=embedded()) as url,
        seaweedfs.client(url) as client,
    ):
        bucket = make_bucket(client)
        client.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/any")
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_embedded_store_ignores_another_kind_of_authorization(seaweedfs: S3Server) -> None:
    """The request is served for the default account, as by the other services."""
    with (
        serving_proxy(seaweedfs.endpoint, middleware=embedded()) as url,
        seaweedfs.client(url) as client,
    ):
        bucket = make_bucket(client)
        client.put_object(Bucket=bucket, Key="k", Body=b"x")
        for value in ("-1", "Bearer any", "Basic YTpi"):
            asked = urllib.request.Request(f"{url}/{bucket}/k", headers={"Authorization": value})
            with urllib.request.urlopen(asked, timeout=30) as answer:
                assert answer.read() == b"x"
