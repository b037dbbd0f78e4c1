"""The wheel in a bare virtual environment, without the clone: images, doctor, server, a job with AWS's image."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
import uv
import yaml
from botocore.config import Config

from processing_emulator.images.builder import build
from tests.builders import a_request, an_input, an_output
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

ROOT = Path(__file__).resolve().parent.parent.parent

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"

SCRIPT = (
    "import pandas as p, sklearn as k; t = p.read_csv('/opt/ml/processing/in/rows.csv'); "
    "t.mean().to_json('/opt/ml/processing/out/mean.json'); print(k.__version__)"
)


class BareInstallation:
    """The wheel in a virtual environment that has nothing else; commands run in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self._bin = folder / "venv" / "bin"
        self._empty = folder / "empty"
        self._empty.mkdir()
        self._uv("build", "--wheel", "--out-dir", str(folder / "dist"), str(ROOT))
        (wheel,) = (folder / "dist").glob("*.whl")
        self._uv("venv", str(folder / "venv"))
        self._uv("pip", "install", "--python", str(self._bin / "python"), str(wheel))

    def _uv(self, *arguments: str) -> None:
        subprocess.run([uv.find_uv_bin(), *arguments, "--quiet"], check=True, cwd=self._empty)

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command prints on stdout; its exit code must be `code`."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PROCESSING_EMULATOR_"))}
        done = subprocess.run(
            [str(self._bin / "processing-emulator"), *arguments],
            env=environment | {"PROCESSING_EMULATOR_DATA_DIR": str(self.data_dir)},
            cwd=self._empty,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The document that a command prints."""
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Iterator[BareInstallation]:
    made = BareInstallation(tmp_path_factory.mktemp("bare"))
    yield made
    made.run("stop")


def test_a_wheel_builds_the_same_images_as_a_clone(installed: BareInstallation) -> None:
    engine = docker.from_env(timeout=600)
    try:
        of_clone = build(engine, "scikit-learn:1.2-1")
    finally:
        engine.close()

    listed = {image["name"]: image for image in installed.json("images", "list")}
    assert listed["scikit-learn:1.2-1"]["state"] == "built", "the recipes in the wheel have the same hash"
    assert listed["scikit-learn:1.2-1"]["tag"] == SKLEARN.replace(SKLEARN.partition("/")[0], "processing-emulator")
    (again,) = installed.json("images", "build", "scikit-learn:1.2-1")
    assert again["seconds"] is None
    assert again["id"] == of_clone.image_id


def test_doctor_finds_everything_and_names_the_images(installed: BareInstallation) -> None:
    checks = {check["name"]: check for check in installed.json("doctor", "--port", "0")["checks"]}

    assert checks["image scikit-learn:1.2-1"]["state"] == "ok"
    assert {name: checks[name]["state"] for name in ("docker", "s3", "port")} == {
        "docker": "ok",
        "s3": "ok",
        "port": "ok",
    }


def test_a_job_with_aws_s_scikit_learn_image_runs(installed: BareInstallation) -> None:
    url = installed.json("start", "-d", "--port", "0")["url"]
    options: dict[str, Any] = {
        "endpoint_url": url,
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "config": Config(s3={"addressing_style": "path"}),
    }
    s3, sagemaker = boto3.client("s3", **options), boto3.client("sagemaker", **options)
    s3.create_bucket(Bucket="bkt")
    s3.put_object(Bucket="bkt", Key="in/rows.csv", Body=b"x,y\n1,10\n3,30\n")
    request = a_request(
        "wheel",
        image=SKLEARN,
        inputs=[an_input("in", "s3://bkt/in/", "/opt/ml/processing/in")],
        outputs=[an_output("out", "s3://bkt/out/", "/opt/ml/processing/out")],
    )
    request["AppSpecification"]["ContainerEntrypoint"] = ["python3", "-c", SCRIPT]
    sagemaker.create_processing_job(**request)

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName="wheel")
        return job if job["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    job = wait_for("the job has ended", ended, 60)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert json.loads(s3.get_object(Bucket="bkt", Key="out/mean.json")["Body"].read()) == {"x": 2.0, "y": 20.0}
    assert installed.run("logs", "wheel", "--url", url) == "1.2.1\n"
    assert installed.json("stop") == {"stopped": True}


def test_compose_prints_a_file_that_needs_no_clone(installed: BareInstallation) -> None:
    document = yaml.safe_load(installed.run("compose"))

    assert set(document["services"]) == {"emulator", "minio"}
    assert set(document["volumes"]) == {"data", "store"}
    emulator = document["services"]["emulator"]
    assert "build" not in emulator
    assert emulator["pull_policy"] == "never", "a stranger may have this name in a public registry"
    whole = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert emulator["environment"] == whole["services"]["emulator"]["environment"]
    assert document["services"]["minio"] == whole["services"]["minio"]
