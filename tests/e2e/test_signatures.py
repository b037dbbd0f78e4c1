"""A server that enforces signatures: clients need the right keys, and containers get temporary credentials."""

import inspect
import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from processing_emulator.adapters.s3_store import signing
from tests.builders import a_request, an_input, an_output
from tests.e2e.conftest import leftovers
from tests.e2e.server import CODE_FOLDER, RUN_CODE, EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

CODE = """
import os, sys, urllib.error, urllib.request
from signing import Credentials, Signer

def put(key, secret):
    url = os.environ["AWS_ENDPOINT_URL"]
    keys = Credentials(
        access_key=os.environ["AWS_ACCESS_KEY_ID"], secret_key=secret, session_token=os.environ["AWS_SESSION_TOKEN"]
    )
    path = f"/bkt/{key}"
    headers = Signer(keys, os.environ["AWS_REGION"]).headers("PUT", url.removeprefix("http://"), path, "")
    request = urllib.request.Request(url + path, b"from inside", headers, method="PUT")
    try:
        print(urllib.request.urlopen(request).status)
    except urllib.error.HTTPError as error:
        print(error.code)

put("inside", os.environ["AWS_SECRET_ACCESS_KEY"])
put("forged", "wrong")
"""


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Iterator[EmulatorProcess]:
    """A server that accepts one key, that of the test's clients."""
    keys = json.dumps({"test": "secret"})
    data_dir = tmp_path_factory.mktemp("enforcing") / "data"
    process = EmulatorProcess(data_dir, stop_grace_seconds="2", enforce_signatures="true", access_keys=keys).start()
    try:
        process.client("s3").create_bucket(Bucket="bkt")
        yield process
        assert process.stop() == 0, process.log()[-2000:]
        wait_for("no leftovers", lambda: not leftovers(process) or None, 5)
    finally:
        process.kill()


def test_container_uses_its_temporary_credentials(enforcing: EmulatorProcess) -> None:
    enforcing.stage_code("inside", CODE)
    enforcing.client("s3").put_object(
        Bucket="bkt", Key="code/inside/signing.py", Body=inspect.getsource(signing).encode()
    )
    code = an_input("code", "s3://bkt/code/inside/", CODE_FOLDER)
    request = a_request("inside", entrypoint=RUN_CODE, inputs=[code], outputs=[an_output(uri="s3://bkt/out")])

    enforcing.client("sagemaker").create_processing_job(**request)

    answer = enforcing.wait_for_end("inside")
    assert answer["ProcessingJobStatus"] == "Completed", answer.get("FailureReason")
    assert enforcing.log_lines("inside") == ["200", "403"]
    assert enforcing.client("s3").get_object(Bucket="bkt", Key="inside")["Body"].read() == b"from inside"


def test_assumed_role_credentials_work_with_the_embedded_store(enforcing: EmulatorProcess) -> None:
    role = "arn:aws:iam::999988887777:role/Worker"
    keys = enforcing.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    s3 = enforcing.client("s3", credentials=(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]))

    s3.put_object(Bucket="bkt", Key="sp ace/ünï+~", Body=b"x" * 100_000)

    assert s3.get_object(Bucket="bkt", Key="sp ace/ünï+~")["Body"].read() == b"x" * 100_000
    assert s3.list_objects_v2(Bucket="bkt", Prefix="sp ace/")["KeyCount"] == 1


def test_refuses_unknown_keys(enforcing: EmulatorProcess) -> None:
    for service, call, code in (
        ("sagemaker", "list_processing_jobs", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ):
        with pytest.raises(ClientError) as refusal:
            getattr(enforcing.client(service, account="111122223333"), call)()
        assert refusal.value.response["Error"]["Code"] == code
    assert enforcing.control("health")["status"] == "ok"
