"""The embedded store behind the emulator's own address."""

import pytest
import requests

from tests.e2e.server import EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def test_an_upload_that_asks_for_kms_is_stored(server: EmulatorProcess) -> None:
    """Nothing is encrypted here, but code that asks for it must run."""
    s3 = server.client("s3")
    s3.put_object(Bucket="bkt", Key="kms", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/k")
    assert s3.get_object(Bucket="bkt", Key="kms")["Body"].read() == b"x"


def test_a_program_that_makes_its_bucket_runs_twice(server: EmulatorProcess) -> None:
    s3 = server.client("s3")
    for run in range(2):
        s3.create_bucket(Bucket="made-at-its-start")
        s3.put_object(Bucket="made-at-its-start", Key=str(run), Body=b"x")
    assert s3.list_objects_v2(Bucket="made-at-its-start")["KeyCount"] == 2


def test_a_presigned_form_is_refused_by_name(server: EmulatorProcess) -> None:
    form = server.client("s3").generate_presigned_post("bkt", "forms/${filename}")
    sent = requests.post(form["url"], data=form["fields"], files={"file": ("a.csv", b"1\n2\n")}, timeout=30)
    assert (sent.status_code, "<Code>NotImplemented</Code>" in sent.text) == (501, True)
    assert "presigned POST" in sent.text
    assert "--s3-endpoint" in sent.text
