"""S3 features that the embedded store lacks are refused by name."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import requests

from tests.fixtures_s3 import S3Server, make_bucket
from tests.integration.s3.proxy_server import embedded, serving_proxy

pytestmark = pytest.mark.s3


@pytest.fixture(scope="module")
def url(seaweedfs: S3Server) -> Iterator[str]:
    with serving_proxy(seaweedfs.endpoint, middleware=embedded()) as server:
        yield server


@pytest.mark.parametrize("size", [10, 3 * 1024 * 1024])
def test_form_upload_is_refused(seaweedfs: S3Server, url: str, size: int) -> None:
    with seaweedfs.client(url) as client:
        bucket = make_bucket(client)
        form = client.generate_presigned_post(bucket, "key")
        answer = requests.post(form["url"], data=form["fields"], files={"file": b"x" * size}, timeout=30)
        assert (answer.status_code, answer.headers["content-type"]) == (501, "application/xml")
        assert "An upload by HTML form (presigned POST) is not part of the embedded S3 store" in answer.text
        assert "--s3-endpoint" in answer.text
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_multipart_upload_of_a_stored_form_is_no_form_upload(seaweedfs: S3Server, url: str) -> None:
    with seaweedfs.client(url) as client:
        bucket = make_bucket(client)
        started = client.create_multipart_upload(Bucket=bucket, Key="k", ContentType="multipart/form-data; boundary=x")
        client.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=started["UploadId"])


def test_subresource_that_the_store_lacks_is_named(seaweedfs: S3Server, url: str) -> None:
    with seaweedfs.client(url) as client:
        bucket = make_bucket(client)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{url}/{bucket}?publicAccessBlock", timeout=30)
    with caught.value as error:
        text = error.read().decode()
    assert (error.code, "<Code>NotImplemented</Code>" in text) == (501, True)
    assert "GET ?publicAccessBlock of a bucket is not part of the embedded S3 store" in text
