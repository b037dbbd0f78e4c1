"""The embedded store behind the emulator's own address."""

import pytest

from tests.e2e.server import EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def test_an_upload_that_asks_for_kms_is_stored(server: EmulatorProcess) -> None:
    """Nothing is encrypted here, but code that asks for it must run."""
    s3 = server.client("s3")
    s3.put_object(Bucket="bkt", Key="kms", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/k")
    assert s3.get_object(Bucket="bkt", Key="kms")["Body"].read() == b"x"
