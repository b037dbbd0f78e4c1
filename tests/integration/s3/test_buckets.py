"""Buckets of the embedded store, as boto3 sees them: owned by the caller, and in the region of the request.

Sources: the API reference of CreateBucket, BucketAlreadyOwnedByYou, HeadBucket and GetBucketLocation.
"""

import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fixtures_s3 import S3Server
from tests.integration.s3.proxy_server import embedded, serving_proxy
from tests.stub_store import http as answer_of
from tests.stub_store import in_turn, stub_store

pytestmark = pytest.mark.s3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A proxy to the embedded store, and clients of it."""

    url: str
    client: Callable[..., Any]


@pytest.fixture
def place(seaweedfs: S3Server) -> Iterator[Place]:
    with serving_proxy(seaweedfs.endpoint, middleware=embedded()) as url, ExitStack() as stack:

        def client(region: str, account: str = "111122223333") -> Any:
            session = boto3.session.Session(aws_access_key_id=account, aws_secret_access_key="any", region_name=region)
            config = Config(signature_version="s3v4", retries={"max_attempts": 0}, s3={"addressing_style": "path"})
            made = session.client("s3", endpoint_url=url, config=config)
            stack.callback(made.close)
            return made

        yield Place(url=url, client=client)


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex[:16]}"


def _constraint(region: str) -> dict[str, Any]:
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _code(call: Callable[..., Any], **asked: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("asked", [{}, {"ACL": "private"}, {"ACL": "public-read"}])
def test_existing_bucket_may_be_created_again_in_us_east_1(place: Place, name: str, asked: dict[str, str]) -> None:
    client = place.client("us-east-1")
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key="k", Body=b"kept")
    again = client.create_bucket(Bucket=name, **asked)
    assert (again["ResponseMetadata"]["HTTPStatusCode"], again["Location"]) == (200, f"/{name}")
    assert client.get_object(Bucket=name, Key="k")["Body"].read() == b"kept"


def test_existing_bucket_is_already_owned_by_you_in_other_regions(place: Place, name: str) -> None:
    client = place.client("eu-west-1")
    client.create_bucket(Bucket=name, **_constraint("eu-west-1"))
    owned = ("BucketAlreadyOwnedByYou", 409)
    assert _code(client.create_bucket, Bucket=name, **_constraint("eu-west-1")) == owned
    assert _code(client.create_bucket, Bucket=name, ACL="public-read", **_constraint("eu-west-1")) == owned
    with pytest.raises(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=name, **_constraint("eu-west-1"))


def test_location_constraint_counts_before_the_region_of_the_signature(place: Place, name: str) -> None:
    """The endpoint of us-east-1 creates buckets in every region."""
    client = place.client("us-east-1")
    client.create_bucket(Bucket=name, **_constraint("eu-west-1"))
    assert _code(client.create_bucket, Bucket=name, **_constraint("eu-west-1")) == ("BucketAlreadyOwnedByYou", 409)


@pytest.mark.parametrize(("region", "status"), [("us-east-1", 200), ("eu-west-1", 409)])
def test_region_of_a_presigned_request_is_in_its_credential(place: Place, name: str, region: str, status: int) -> None:
    client = place.client(region)
    client.create_bucket(Bucket=name)
    url = client.generate_presigned_url("create_bucket", Params={"Bucket": name})
    opener = urllib.request.build_opener(_AnyStatus())
    with opener.open(urllib.request.Request(url, method="PUT"), timeout=30) as answer:
        assert answer.status == status


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    """Accepts every status."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


def test_bucket_of_another_account_is_owned_by_the_caller_too(place: Place, name: str) -> None:
    """Accounts share the store's buckets (docs/signatures.md)."""
    place.client("us-east-1", "111122223333").create_bucket(Bucket=name)
    place.client("us-east-1", "444455556666").create_bucket(Bucket=name)
    other = place.client("eu-west-1", "444455556666")
    assert _code(other.create_bucket, Bucket=name) == ("BucketAlreadyOwnedByYou", 409)


def test_other_errors_of_create_bucket_are_passed_on(place: Place) -> None:
    assert _code(place.client("us-east-1").create_bucket, Bucket="UPPER") == ("InvalidBucketName", 400)


def test_bucket_settings_are_not_mistaken_for_create_bucket(place: Place, name: str) -> None:
    client = place.client("us-east-1")
    versioning = {"VersioningConfiguration": {"Status": "Enabled"}}
    assert _code(client.put_bucket_versioning, Bucket=name, **versioning) == ("NoSuchBucket", 404)
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, **versioning)
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


@pytest.mark.parametrize(("region", "location"), [("us-east-1", None), ("eu-west-1", "eu-west-1")])
def test_bucket_is_in_the_region_of_the_request(place: Place, name: str, region: str, location: str | None) -> None:
    client = place.client(region)
    client.create_bucket(Bucket=name)
    assert client.head_bucket(Bucket=name)["BucketRegion"] == region
    assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == location


def test_missing_bucket_has_no_region(place: Place, name: str) -> None:
    client = place.client("eu-west-1")
    with pytest.raises(ClientError) as caught:
        client.head_bucket(Bucket=name)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert "x-amz-bucket-region" not in caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert _code(client.get_bucket_location, Bucket=name) == ("NoSuchBucket", 404)


def test_store_that_does_not_answer_is_unavailable() -> None:
    """Also for a response that would be buffered."""
    with (
        stub_store(in_turn(b"")) as stub,
        serving_proxy(stub.endpoint, middleware=embedded()) as url,
        S3Server(endpoint=url).client() as client,
    ):
        assert _code(client.create_bucket, Bucket="any-bucket") == ("ServiceUnavailable", 503)


def test_responses_of_an_external_store_are_unchanged(minio: S3Server, name: str) -> None:
    with serving_proxy(minio.endpoint) as url, minio.client(url) as client:
        client.create_bucket(Bucket=name)
        assert _code(client.create_bucket, Bucket=name) == ("BucketAlreadyOwnedByYou", 409)


def test_error_of_an_external_store_is_passed_on_byte_for_byte() -> None:
    document = b"<Error><Code>BucketAlreadyOwnedByYou</Code><Odd/></Error>"
    with stub_store(in_turn(answer_of(409, document, ETag="odd"))) as stub, serving_proxy(stub.endpoint) as url:
        opener = urllib.request.build_opener(_AnyStatus())
        with opener.open(urllib.request.Request(f"{url}/any-bucket", method="PUT"), timeout=30) as answer:
            assert (answer.status, answer.read(), answer.headers["ETag"]) == (409, document, "odd")


def test_buckets_are_listed_in_pages_and_by_prefix(place: Place, name: str) -> None:
    client = place.client("eu-west-1", account="444455556666")
    names = [f"{name}-{letter}" for letter in "abc"]
    for bucket in names:
        client.create_bucket(Bucket=bucket)
    first = client.list_buckets(MaxBuckets=2, Prefix=name)
    assert [bucket["Name"] for bucket in first["Buckets"]] == names[:2]
    rest = client.list_buckets(MaxBuckets=2, Prefix=name, ContinuationToken=first["ContinuationToken"])
    assert [bucket["Name"] for bucket in rest["Buckets"]] == names[2:]
    assert "ContinuationToken" not in rest


@pytest.mark.parametrize("asked", ["0", "-1", "10001", "9" * 5000, "x", "\u0661"])
def test_invalid_max_buckets_is_refused(place: Place, asked: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{place.url}/?max-buckets={quote(asked)}", timeout=30)
    with caught.value as error:
        assert (error.code, b"<Code>InvalidArgument</Code>" in error.read()) == (400, True)


def test_the_records_of_the_store_itself_are_no_bucket(place: Place, name: str) -> None:
    place.client("us-east-1").create_bucket(Bucket=name)

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{place.url}/.system?list-type=2", timeout=30)

    with caught.value as error:
        assert (error.code, b"<Code>InvalidBucketName</Code>" in error.read()) == (400, True)
    listed = place.client("us-east-1").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in listed if bucket["Name"].startswith(".")] == []
