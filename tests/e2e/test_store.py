"""The embedded store through the emulator's address."""

import pytest
import requests

from tests.e2e.server import EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def test_stores_an_upload_with_kms_encryption(server: EmulatorProcess) -> None:
    """The store encrypts nothing, but code that requests encryption must run."""
    s3 = server.client("s3")
    s3.put_object(Bucket="bkt", Key="kms", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/k")
    assert s3.get_object(Bucket="bkt", Key="kms")["Body"].read() == b"x"


def test_creating_an_existing_bucket_succeeds(server: EmulatorProcess) -> None:
    s3 = server.client("s3")
    for run in range(2):
        s3.create_bucket(Bucket="created-at-start")
        s3.put_object(Bucket="created-at-start", Key=str(run), Body=b"x")
    assert s3.list_objects_v2(Bucket="created-at-start")["KeyCount"] == 2


def test_refuses_a_presigned_post(server: EmulatorProcess) -> None:
    form = server.client("s3").generate_presigned_post("bkt", "forms/${filename}")
    sent = requests.post(form["url"], data=form["fields"], files={"file": ("a.csv", b"1\n2\n")}, timeout=30)
    assert (sent.status_code, "<Code>NotImplemented</Code>" in sent.text) == (501, True)
    assert "presigned POST" in sent.text
    assert "--s3-endpoint" in sent.text
