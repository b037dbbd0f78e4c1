"""docker-compose.yml: the server and a store, each in a container, used through boto3."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from containers.build import RECIPES
from containers.store import choose
from processing_emulator.images.builder import build, build_recipe
from tests.fixtures_docker import missing
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

ROOT = Path(__file__).resolve().parent.parent.parent.parent
SKLEARN_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
KEYS = ("composekey", "compose-secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running Compose project and its URL."""

    project: str
    url: str
    environment: dict[str, str]

    def compose(self, *arguments: str) -> str:
        """Run Compose on this project; returns its output."""
        done = subprocess.run(
            [str(ROOT / "scripts" / "compose.sh"), *arguments],
            cwd=ROOT,
            env=self.environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def client(self, service: str, *, secret: str = KEYS[1]) -> Any:
        """An unmodified boto3 client of the server."""
        return boto3.session.Session().client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS[0],
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=60),
        )


def free_port() -> str:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "free_port.py"), "0"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def leftovers(engine: docker.DockerClient, project: str) -> list[str]:
    """Containers, networks and volumes of a Compose project."""
    label = f"com.docker.compose.project={project}"
    return [
        *(str(container.name) for container in engine.containers.list(all=True, filters={"label": label})),
        *(str(network.name) for network in engine.networks.list(filters={"label": label})),
        *(str(volume.id) for volume in engine.volumes.list(filters={"label": label})),
    ]


def store_image(engine: docker.DockerClient) -> str:
    """The pinned image, or MinIO built here; otherwise the test is skipped or fails (see `missing`)."""
    try:
        return choose(engine)
    except subprocess.CalledProcessError as error:
        missing(f"no registry answers, and MinIO cannot be built: {error}")


@pytest.fixture(scope="module")
def engine(docker_engine: None) -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=600)
    yield client
    client.close()


@pytest.fixture(scope="module")
def stack(engine: docker.DockerClient) -> Iterator[Stack]:
    """A healthy stack; afterwards it is removed without leftovers."""
    port, project = free_port(), f"pe-test-{uuid.uuid4().hex[:8]}"
    build(engine, "scikit-learn:1.2-1")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "COMPOSE_PROJECT_NAME": project,
        "EMULATOR_IMAGE": build_recipe(engine, RECIPES["emulator"]).tag,
        "STORE_IMAGE": store_image(engine),
        "EMULATOR_PORT": port,
        "PROCESSING_EMULATOR_S3_ACCESS_KEY": KEYS[0],
        "PROCESSING_EMULATOR_S3_SECRET_KEY": KEYS[1],
    }
    stack = Stack(project=project, url=f"http://127.0.0.1:{port}", environment=environment)
    try:
        stack.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "120")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "20")
    assert leftovers(engine, project) == []


@pytest.fixture(scope="module")
def bucket(stack: Stack) -> str:
    name = f"data-{uuid.uuid4().hex[:8]}"
    stack.client("s3").create_bucket(Bucket=name)
    return name


def run_job(stack: Stack, bucket: str, code: str, **inputs: bytes) -> dict[str, Any]:
    """Run `code` in a job with these inputs and one output; returns its description once it has ended."""
    name = f"job-{uuid.uuid4().hex[:8]}"
    for file, content in {"job.py": code.encode(), **inputs}.items():
        stack.client("s3").put_object(Bucket=bucket, Key=f"{name}/in/{file}", Body=content)
    sagemaker = stack.client("sagemaker")
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn="arn:aws:iam::000000000000:role/test",
        AppSpecification={
            "ImageUri": SKLEARN_IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/in/job.py"],
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
        },
        ProcessingInputs=[
            {
                "InputName": "in",
                "S3Input": {
                    "S3Uri": f"s3://{bucket}/{name}/in/",
                    "LocalPath": "/opt/ml/processing/in",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"s3://{bucket}/{name}/out",
                        "LocalPath": "/opt/ml/processing/out",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    )

    def ended() -> dict[str, Any] | None:
        answer: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        return None if answer["ProcessingJobStatus"] in ("InProgress", "Stopping") else answer

    return wait_for(f"{name} to end", ended, 120)


def read_output(stack: Stack, bucket: str, job: dict[str, Any], file: str) -> bytes:
    answer = stack.client("s3").get_object(Bucket=bucket, Key=f"{job['ProcessingJobName']}/out/{file}")
    body: bytes = answer["Body"].read()
    return body


def test_store_checks_signatures(stack: Stack, bucket: str) -> None:
    stack.client("s3").put_object(Bucket=bucket, Key="signed", Body=b"x" * 100_000)
    assert stack.client("s3").get_object(Bucket=bucket, Key="signed")["Body"].read() == b"x" * 100_000
    with pytest.raises(ClientError) as refused:
        stack.client("s3", secret="wrong-secret").get_object(Bucket=bucket, Key="signed")
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_job_reads_its_input_and_its_output_is_uploaded(stack: Stack, bucket: str) -> None:
    """The server's data directory is a Docker volume, whose files must be mounted into job containers."""
    code = (
        "import pandas as pd\n"
        "total = pd.read_csv('/opt/ml/processing/in/numbers', header=None)[0].sum()\n"
        "open('/opt/ml/processing/out/total', 'w').write(str(total))\n"
    )
    job = run_job(stack, bucket, code, numbers=b"1\n2\n3\n")
    assert (job["ProcessingJobStatus"], job.get("FailureReason")) == ("Completed", None)
    assert read_output(stack, bucket, job, "total") == b"6"


def test_boto3_in_a_job_uses_the_same_store(stack: Stack, bucket: str) -> None:
    code = (
        "import boto3, json\n"
        f"boto3.client('s3').put_object(Bucket='{bucket}', Key='from-inside', Body=b'hello')\n"
        "names = [b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']]\n"
        "json.dump(names, open('/opt/ml/processing/out/buckets.json', 'w'))\n"
    )
    job = run_job(stack, bucket, code)
    assert (job["ProcessingJobStatus"], job.get("FailureReason")) == ("Completed", None)
    assert bucket in json.loads(read_output(stack, bucket, job, "buckets.json"))
    assert stack.client("s3").get_object(Bucket=bucket, Key="from-inside")["Body"].read() == b"hello"


def test_jobs_are_kept_when_the_server_restarts(stack: Stack, bucket: str, engine: docker.DockerClient) -> None:
    job = run_job(stack, bucket, "print('done')")
    stack.compose("restart", "emulator")
    stack.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "120")
    known = stack.client("sagemaker").describe_processing_job(ProcessingJobName=job["ProcessingJobName"])
    assert known["ProcessingJobStatus"] == "Completed"
    assert known["ProcessingEndTime"] == job["ProcessingEndTime"]
    name = job["ProcessingJobName"]
    assert [c.name for c in engine.containers.list(all=True) if name in str(c.name)] == []
