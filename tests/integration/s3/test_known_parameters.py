"""Whatever stands in the query of a bucket's URL: what S3 does not know is ignored, as S3 does it."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import botocore.session
import pytest
from processing_emulator.aws.s3.known_parameters import LISTING, SUBJECTS

from tests.fixtures_s3 import S3Server, make_bucket
from tests.integration.s3.through import embedded, passed_through

pytestmark = pytest.mark.s3


@pytest.fixture(scope="module")
def url(seaweedfs: S3Server) -> Iterator[str]:
    """The URL of a bucket with two objects, through the layers."""
    with passed_through(seaweedfs.endpoint, adapt=embedded()) as server, seaweedfs.client(server) as client:
        bucket = make_bucket(client)
        for key in ("a/1", "b/1"):
            client.put_object(Bucket=bucket, Key=key, Body=b"x")
        yield f"{server}/{bucket}"


def keys_at(url: str) -> list[str]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return [key.text or "" for key in ET.fromstring(answer.read()).iter() if key.tag.endswith("}Key")]


@pytest.mark.parametrize(
    "query", ["x=y", "x", "x=%5B%3A%3A1", "x-id=ListObjects", "list%2Dtype=2&x=y", "%78+y=1&&=&x", "X-Amz-More=1&x=1"]
)
def test_what_s3_does_not_know_is_ignored(url: str, query: str) -> None:
    assert keys_at(f"{url}?{query}") == ["a/1", "b/1"]


@pytest.mark.parametrize("query", ["prefix=b&x=y", "x&list-type=2&prefix=b%2F", "y=1&start-after=a%2F1&list-type=2"])
def test_what_s3_knows_counts_beside_it(url: str, query: str) -> None:
    assert keys_at(f"{url}?{query}") == ["b/1"]


def test_what_the_store_does_not_have_is_not_ignored(url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{url}?publicAccessBlock&x=y", timeout=30)
    with caught.value as error:
        assert (error.code, b"<Key>" in error.read()) == (501, False)


def test_all_parameters_of_the_model_are_known() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    known = set()
    for operation in map(model.operation_model, model.operation_names):
        path, _, query = operation.http["requestUri"].partition("?")
        if operation.http["method"] == "GET" and path == "/{Bucket}":
            known |= {part.partition("=")[0] for part in query.split("&") if part}
            known |= {
                member.serialization["name"]
                for member in operation.input_shape.members.values()
                if member.serialization.get("location") == "querystring"
            }
    assert known == LISTING | SUBJECTS
