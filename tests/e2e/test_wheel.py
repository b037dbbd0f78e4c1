"""The wheel in a bare virtual environment, without the clone: images, doctor, server, a job with AWS's image.

Where the tests run as root, its commands run as a user who may use Docker and nothing else, as on a laptop.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
import uv
import yaml
from botocore.config import Config

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.images.builder import build
from tests.builders import a_request, an_input, an_output
from tests.fixtures_docker import missing
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

ROOT = Path(__file__).resolve().parent.parent.parent

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"

SCRIPT = (
    "import pandas as p, sklearn as k; t = p.read_csv('/opt/ml/processing/in/rows.csv'); "
    "t.mean().to_json('/opt/ml/processing/out/mean.json'); print(k.__version__)"
)


ORDINARY_USER = 61_320
"""The id of a user and a group that no account has."""


def identity_of_user() -> dict[str, Any]:
    """Arguments of a process that is an ordinary user in the group of Docker's socket; none if the tests are that."""
    if os.geteuid() != 0:
        return {}
    address = Engine().address
    if not address.startswith("unix://"):
        missing(f"an ordinary user may use a Docker engine by its socket's group; this one is at {address}")
    group = Path(address.removeprefix("unix://")).stat().st_gid
    return {"user": ORDINARY_USER, "group": ORDINARY_USER, "extra_groups": [group]}


def python_of_all() -> str:
    """A Python that an ordinary user can run: root's own may be below a home that is closed."""
    own = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in own.parents):
        return str(own)
    system = shutil.which("python3.11", path="/usr/bin") or shutil.which("python3", path="/usr/bin")
    if system is None:
        missing("no Python that an ordinary user can run: apt-get install python3")
    return system


class BareInstallation:
    """The wheel in a virtual environment that has nothing else; an ordinary user runs commands in an empty folder."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.data_dir = folder / "home" / "data"
        self._bin = folder / "venv" / "bin"
        self._empty = folder / "empty"
        self._empty.mkdir()
        self._home = folder / "home"
        self._home.mkdir()
        self._identity = identity_of_user()
        if self._identity:
            os.chown(self._home, ORDINARY_USER, ORDINARY_USER)
        self._uv("build", "--wheel", "--out-dir", str(folder / "dist"), str(ROOT))
        (wheel,) = (folder / "dist").glob("*.whl")
        self._uv("venv", "--python", python_of_all(), str(folder / "venv"))
        self._uv("pip", "install", "--python", str(self._bin / "python"), str(wheel))

    def _uv(self, *arguments: str) -> None:
        subprocess.run([uv.find_uv_bin(), *arguments, "--quiet"], check=True, cwd=self._empty)

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command prints on stdout; its exit code must be `code`."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PROCESSING_EMULATOR_"))}
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(self._bin / "processing-emulator"), *arguments],
            env=environment | {"PROCESSING_EMULATOR_DATA_DIR": str(self.data_dir), "HOME": str(self._home)},
            cwd=self._empty,
            **self._identity,
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
def installed(docker_engine: None) -> Iterator[BareInstallation]:
    with tempfile.TemporaryDirectory(prefix="bare-") as folder:  # pytest's folders are closed to other users
        made = BareInstallation(Path(folder))
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
    assert {name: checks[name]["state"] for name in ("docker", "s3", "port", "volumes")} == {
        "docker": "ok",
        "s3": "ok",
        "port": "ok",
        "volumes": "note",  # only root can mount a file system; others watch how large a folder becomes
    }
    for image in installed.json("images", "list"):
        if image["state"] == "not built":
            assert image["build"] in checks[f"image {image['name']}"]["hint"]
            assert "PROCESSING_EMULATOR_IMAGE_MAP" in checks[f"image {image['name']}"]["hint"]


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
    assert installed.data_dir.stat().st_uid != 0, "the server is not root"
    wait_for("no files of the job", lambda: not list((installed.data_dir / "jobs").iterdir()) or None, 10)
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
