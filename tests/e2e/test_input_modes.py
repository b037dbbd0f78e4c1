"""What a container sees of its inputs, for every way an input can be described (spec 3)."""

import gzip
import hashlib
import json
from typing import Any

import pytest

from tests.builders import a_request, an_input, an_output
from tests.e2e.server import EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

INPUT = "/opt/ml/processing/input"
LIST = ["sh", "-c", "cd /opt/ml/processing && find . | sort"]


@pytest.fixture(scope="module")
def objects(server: EmulatorProcess) -> EmulatorProcess:
    """A server whose bucket has some objects below `in/`, and only a folder marker below `empty/`."""
    s3 = server.client("s3")
    for key in ("in/a.csv", "in/deep/b c.csv", "in/deep/er/d.csv"):
        s3.put_object(Bucket="bkt", Key=key, Body=key.encode())
    s3.put_object(Bucket="bkt", Key="empty/")
    return server


def run(server: EmulatorProcess, name: str, **request: Any) -> dict[str, Any]:
    """Run a job that lists its files; what Describe shows at the end."""
    server.client("sagemaker").create_processing_job(**a_request(name, entrypoint=LIST, **request))
    return server.wait_for_end(name)


def seen(server: EmulatorProcess, name: str, **s3: str) -> list[str]:
    """What the container finds in its input's folder, for an input with these members of S3Input."""
    source = an_input(path=INPUT)
    source["S3Input"] |= s3
    described = run(server, name, inputs=[source])
    assert described["ProcessingJobStatus"] == "Completed", described
    assert described["ProcessingInputs"][0]["S3Input"].items() >= s3.items()
    return [line.removeprefix("./input/") for line in server.log_lines(name)[2:]]


def failure_reason(server: EmulatorProcess, name: str, **s3: str) -> str:
    """The FailureReason of a job with such an input."""
    source = an_input(path=INPUT)
    source["S3Input"] |= s3
    reason: str = run(server, name, inputs=[source])["FailureReason"]
    return reason


EVERYTHING = ["a.csv", "deep", "deep/b c.csv", "deep/er", "deep/er/d.csv"]


def test_prefix(objects: EmulatorProcess) -> None:
    assert seen(objects, "prefix") == EVERYTHING


def test_manifest(objects: EmulatorProcess) -> None:
    manifest = [{"prefix": "s3://bkt/in/"}, "deep/b c.csv", "a.csv"]
    objects.client("s3").put_object(Bucket="bkt", Key="in/train.manifest", Body=json.dumps(manifest).encode())
    try:
        found = seen(objects, "manifest", S3DataType="ManifestFile", S3Uri="s3://bkt/in/train.manifest")
    finally:
        objects.client("s3").delete_object(Bucket="bkt", Key="in/train.manifest")
    assert found == ["a.csv", "deep", "deep/b c.csv"]


def test_manifest_that_names_a_missing_object(objects: EmulatorProcess) -> None:
    manifest = [{"prefix": "s3://bkt/in/"}, "a.csv", "gone.csv"]
    objects.client("s3").put_object(Bucket="bkt", Key="manifests/gone", Body=json.dumps(manifest).encode())
    reason = failure_reason(objects, "manifest-gone", S3DataType="ManifestFile", S3Uri="s3://bkt/manifests/gone")
    assert reason == (
        "ClientError: Failed to download data. HeadObject failed for s3://bkt/in/gone.csv: NoSuchKey (404): "
        "The specified key does not exist. (it is listed in the manifest s3://bkt/manifests/gone)"
    )


@pytest.mark.parametrize("host", ["s3.us-east-1.amazonaws.com/bkt", "bkt.s3.us-east-1.amazonaws.com"])
def test_https_uri(objects: EmulatorProcess, host: str) -> None:
    name = "https-path" if host.startswith("s3.") else "https-host"
    assert seen(objects, name, S3Uri=f"https://{host}/in/deep/b%20c.csv") == ["b c.csv"]


def test_sharded_on_one_host(objects: EmulatorProcess) -> None:
    assert seen(objects, "sharded", S3DataDistributionType="ShardedByS3Key") == EVERYTHING


def test_prefix_with_only_a_folder_marker(objects: EmulatorProcess) -> None:
    assert seen(objects, "marker-only", S3Uri="s3://bkt/empty/") == []
    assert seen(objects, "marker-only-without-slash", S3Uri="s3://bkt/empty") == []


def test_app_managed_input_and_output(objects: EmulatorProcess) -> None:
    inputs = [{"AppManaged": True, **an_input("mine", "s3://bkt/in/", INPUT)}]
    features = {"OutputName": "features", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "group"}}
    script = "test ! -e /opt/ml/processing && cat /opt/ml/config/processingjobconfig.json"
    request = a_request("app-managed", entrypoint=["sh", "-c", script], inputs=inputs, outputs=[features])
    objects.client("sagemaker").create_processing_job(**request)
    described = objects.wait_for_end("app-managed")
    assert described["ProcessingJobStatus"] == "Completed", described
    assert described["ProcessingInputs"][0]["AppManaged"]
    assert described["ProcessingOutputConfig"]["Outputs"] == [features]
    config = json.loads(objects.log_lines("app-managed")[0])
    assert config["ProcessingInputs"][0]["AppManaged"]
    assert config["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://bkt/in/"
    assert config["ProcessingOutputConfig"]["Outputs"] == [{**features, "S3Output": None}]


def test_two_outputs_with_one_local_path(objects: EmulatorProcess) -> None:
    outputs = [an_output("one", "s3://bkt/one"), an_output("two", "https://bkt.s3.us-east-1.amazonaws.com/two")]
    script = "echo x > /opt/ml/processing/output/f"
    request = a_request("two-outputs", entrypoint=["sh", "-c", script], outputs=outputs)
    objects.client("sagemaker").create_processing_job(**request)
    assert objects.wait_for_end("two-outputs")["ProcessingJobStatus"] == "Completed"
    for key in ("one/f", "two/f"):
        assert objects.client("s3").get_object(Bucket="bkt", Key=key)["Body"].read() == b"x\n"


def test_pipes_plain_and_gzip(objects: EmulatorProcess) -> None:
    """Spec 3.4: two pipes at once, the second only as far as its head, and then all of it once more."""
    s3 = objects.client("s3")
    body = b"".join(b"line %d\n" % number for number in range(200_000))
    for number in range(2):
        s3.put_object(Bucket="bkt", Key=f"plain/{number}", Body=body)
        s3.put_object(Bucket="bkt", Key=f"gzip/{number}.gz", Body=gzip.compress(body))
    inputs = [an_input(name, f"s3://bkt/{name}/", f"/opt/ml/processing/pipes/{name}") for name in ("plain", "gzip")]
    for item in inputs:
        item["S3Input"]["S3InputMode"] = "Pipe"
    inputs[1]["S3Input"]["S3CompressionType"] = "Gzip"
    script = (
        "cd /opt/ml/processing/pipes; cat plain_0 | md5sum & head -n 2 gzip_0; wait;"
        "until test -p gzip_1; do sleep 0.1; done; md5sum < gzip_1; ls"
    )
    request = a_request("pipes", entrypoint=["sh", "-c", script], inputs=inputs)
    objects.client("sagemaker").create_processing_job(**request)
    described = objects.wait_for_end("pipes")
    assert described["ProcessingJobStatus"] == "Completed", described
    digest = f"{hashlib.md5(body * 2, usedforsecurity=False).hexdigest()}  -"
    lines = objects.log_lines("pipes")
    assert sorted(lines) == sorted(["line 0", "line 1", digest, digest, "gzip_2", "plain_1"])
