"""A job goes from one data directory to another in a file, and a job of the cloud comes here."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from processing_emulator.cli.main import main
from tests.builders import a_request, an_input, an_output
from tests.e2e.server import EmulatorProcess
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

SUM = (
    "echo summing; awk '{s+=$1} END {print s}' /opt/ml/processing/input/numbers > /opt/ml/processing/output/sum; "
    "echo done > /opt/ml/output/message"
)
BIG = bytes(range(256)) * 36_000
"""More than boto3 uploads at once; the original was uploaded at once, so its ETag is an MD5."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Path:
    """The bundle, with data, of a job that ran on a server which is gone."""
    folder = tmp_path_factory.mktemp("one")
    server = EmulatorProcess(folder / "data").start()
    try:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="numbers")
        s3.put_object(Bucket="numbers", Key="in/numbers", Body=b"1\n2\n3\n")
        s3.put_object(Bucket="numbers", Key="in/big", Body=BIG)
        s3.put_object(Bucket="numbers", Key="list", Body=b'[{"prefix": "s3://numbers/in/"}, "numbers"]')
        listed = an_input("list", "s3://numbers/list", "/opt/ml/processing/list")
        listed["S3Input"]["S3DataType"] = "ManifestFile"
        request = a_request(
            "sum",
            entrypoint=["sh", "-c", SUM],
            inputs=[an_input(uri="s3://numbers/in/"), listed],
            outputs=[an_output(uri="s3://numbers/out/")],
            Environment={"A": "b"},
            Tags=[{"Key": "team", "Value": "a"}],
        )
        server.client("sagemaker").create_processing_job(**request)
        server.wait_for_end("sum")
        done = _run(server, "bundle", "sum", "--data", "--json", "-o", str(folder / "sum.zip"))
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["inputs"] == 4
        missing = _run(server, "bundle", "missing")
        assert missing.exit_code == 1
        assert missing.stderr.startswith("Error: There is no processing job missing in account")
    finally:
        server.kill()
    return folder / "sum.zip"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Iterator[EmulatorProcess]:
    process = EmulatorProcess(tmp_path_factory.mktemp("two") / "data").start()
    try:
        yield process
        assert process.stop() == 0
    finally:
        process.kill()


def _run(server: EmulatorProcess, *arguments: str) -> Result:
    """The command in this process, which saves a second of imports each time."""
    done = CliRunner().invoke(main, [*arguments, "--url", server.url])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


def _replay(server: EmulatorProcess, file: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    done = _run(server, "replay", str(file), "--json", *options)
    assert done.stdout, done.stderr
    return done.exit_code, json.loads(done.stdout), done.stderr


def test_a_bundle_holds_what_the_job_was(file: Path) -> None:
    with zipfile.ZipFile(file) as bundle:
        documents = {name: json.loads(bundle.read(name)) for name in bundle.namelist() if name.endswith(".json")}
        log = [json.loads(line)["message"] for line in bundle.read("logs/algo-1.ndjson").splitlines()]

    assert documents["request.json"]["Tags"] == [{"Key": "team", "Value": "a"}]
    assert documents["describe.json"]["ProcessingJobStatus"] == "Completed"
    assert documents["samples/algo-1.json"]["host"] == "algo-1"
    assert any(event["action"] == "image_ready" for event in documents["job.json"]["events"])
    assert log == ["summing"]


def _made_in(file: Path, path: Path, region: str) -> Path:
    """The bundle, as if it were from another region."""
    with zipfile.ZipFile(file) as one, zipfile.ZipFile(path, "w") as other:
        for name in one.namelist():
            is_manifest = name == "manifest.json"
            other.writestr(
                name, json.dumps({**json.loads(one.read(name)), "region": region}) if is_manifest else one.read(name)
            )
    return path


def test_a_replay_elsewhere_is_the_same_and_a_changed_input_is_noticed(
    server: EmulatorProcess, file: Path, tmp_path: Path
) -> None:
    s3 = server.client("s3")

    code, found, said = _replay(server, file, "--dry-run")
    assert (code, found["hasRun"], [each["now"] for each in found["differences"]]) == (1, False, ["missing"] * 4)
    assert server.control("jobs?region=us-east-1")["jobs"] == []

    code, found, said = _replay(server, file)
    assert (code, found["same"], found["job"]) == (0, True, "sum"), (found, said)
    assert "created the bucket numbers\nuploaded 3 objects to numbers, found 0 as wanted\n" in said
    assert s3.get_object(Bucket="numbers", Key="replays/sum/out/sum")["Body"].read() == b"6\n"
    assert "Contents" not in s3.list_objects_v2(Bucket="numbers", Prefix="out/")
    assert server.control("jobs/sum/request")["Tags"] == [{"Key": "team", "Value": "a"}]

    s3.put_object(Bucket="numbers", Key="in/numbers", Body=b"1\n2\n4\n")
    code, found, said = _replay(server, _made_in(file, tmp_path / "b.zip", "eu-west-1"), "--name", "changed")
    assert code == 1
    assert "replays sum as changed in eu-west-1\n" in said
    assert [each["what"] for each in found["differences"]] == [
        "input in: s3://numbers/in/numbers",
        "input list: s3://numbers/in/numbers",
        "output out: sum",
    ]
    assert "left s3://numbers/in/numbers alone: it is there and differs; --overwrite replaces it\n" in said
    before_the_run, _, _ = said.partition("replays sum as changed")
    assert "before the run, input in: s3://numbers/in/numbers differs: it was 6 bytes" in before_the_run

    code, found, said = _replay(server, file, "--overwrite", "--keep-outputs")
    assert (code, found["same"]) == (0, True), (found, said)
    assert found["job"].startswith("sum-again-")
    assert "uploaded 1 object to numbers, found 2 as wanted\n" in said
    assert s3.get_object(Bucket="numbers", Key="out/sum")["Body"].read() == b"6\n"


def test_a_job_of_the_cloud_runs_here(server: EmulatorProcess, file: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(file) as bundle:
        described = bundle.read("describe.json").decode()
    cloud = described.replace("s3://numbers", "s3://of-the-cloud").replace("us-east-1", "eu-west-1")
    cloud = cloud.replace(TEST_IMAGE, "210987654321.dkr.ecr.eu-west-1.amazonaws.com/mine:1")
    (tmp_path / "job.json").write_text(cloud)
    (tmp_path / "data" / "of-the-cloud" / "in").mkdir(parents=True)
    (tmp_path / "data" / "of-the-cloud" / "in" / "numbers").write_text("20\n22\n")
    (tmp_path / "data" / "of-the-cloud" / "list").write_text('[{"prefix": "s3://from-cloud/in/"}, "numbers"]')

    given = ["--image", TEST_IMAGE, "--bucket", "of-the-cloud=from-cloud", "--data", str(tmp_path / "data")]
    done = _run(server, "import", str(tmp_path / "job.json"), *given)

    assert done.exit_code == 0, done.stdout + done.stderr
    assert "created the bucket from-cloud\nuploaded 2 objects to from-cloud, found 1 as wanted\n" in done.stderr
    assert "runs as sum in eu-west-1\n" in done.stderr
    assert "in the cloud it ended as Completed\n" in done.stderr
    assert server.client("s3").get_object(Bucket="from-cloud", Key="out/sum")["Body"].read() == b"42\n"

    verdict = _run(server, "readiness", "sum", "--region", "eu-west-1")
    assert verdict.exit_code == 1
    assert f"refused  The image {TEST_IMAGE} exists on this machine only." in verdict.stdout
