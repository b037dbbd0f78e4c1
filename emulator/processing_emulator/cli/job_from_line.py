"""Makes a job from one command line: local folders are uploaded, and results can be downloaded into one."""

import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from processing_emulator.cli.emulator_client import EmulatorClient, service_errors
from processing_emulator.domain.bucket_place import bucket_place
from processing_emulator.domain.kept_job import KEEP_FAILED_TAG

ROOT = "/opt/ml/processing"
ROLE = "arn:aws:iam::{account}:role/processing-emulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPath:
    """One `--in` or `--out`: `s3://…` or a local folder or file, and the folder in the container."""

    source: str
    folder: str

    @property
    def is_s3(self) -> bool:
        """Whether it is in a bucket."""
        return self.source.startswith("s3://")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """What the command line says of a job."""

    image: str
    command: Sequence[str]
    name: str | None
    inputs: Sequence[str]
    outputs: Sequence[str]
    environment: Mapping[str, str]
    instance_type: str
    instance_count: int
    volume_size_in_gb: int
    max_runtime_seconds: int | None
    keep_failed: bool = False


class JobFromLine:
    """A job of the line: `create` uploads and creates, `download` fetches what it has written."""

    def __init__(self, client: EmulatorClient, line: JobLine) -> None:
        self._client = client
        self._line = line
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        self.name = line.name or f"run-{stamp}-{secrets.token_hex(2)}"
        self._bucket = f"sagemaker-{client.region}-{client.account}"
        self._inputs = [_data_path(text, "input", number) for number, text in enumerate(line.inputs)]
        self._outputs = [_data_path(text, "output", number) for number, text in enumerate(line.outputs)]

    def create(self) -> None:
        """Upload local inputs and create the job. Raises ServerFault, click.BadParameter."""
        for number, data in enumerate(self._inputs):
            if not data.is_s3 and not Path(data.source).exists():
                raise click.BadParameter(f"there is no file or folder {data.source}", param_hint=f"--in #{number + 1}")
        with service_errors(self._client):
            if any(not data.is_s3 for data in (*self._inputs, *self._outputs)):
                self._make_bucket()
            for number, data in enumerate(self._inputs):
                if not data.is_s3:
                    self._upload(Path(data.source), f"{self.name}/input-{number}")
            self._client.aws("sagemaker").create_processing_job(**self.request())

    def request(self) -> dict[str, Any]:
        """The request of CreateProcessingJob."""
        line = self._line
        application: dict[str, Any] = {"ImageUri": line.image}
        if line.command:
            application["ContainerEntrypoint"] = list(line.command)
        request: dict[str, Any] = {
            "ProcessingJobName": self.name,
            "RoleArn": ROLE.format(account=self._client.account),
            "AppSpecification": application,
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": line.instance_count,
                    "InstanceType": line.instance_type,
                    "VolumeSizeInGB": line.volume_size_in_gb,
                }
            },
            "ProcessingInputs": [
                _input(number, data, self._uri(number, data, "input")) for number, data in enumerate(self._inputs)
            ],
            "Environment": dict(line.environment),
        }
        outputs = [
            _output(number, data, self._uri(number, data, "output")) for number, data in enumerate(self._outputs)
        ]
        if outputs:
            request["ProcessingOutputConfig"] = {"Outputs": outputs}
        if line.keep_failed:
            request["Tags"] = [{"Key": KEEP_FAILED_TAG, "Value": "on"}]
        if line.max_runtime_seconds is not None:
            request["StoppingCondition"] = {"MaxRuntimeInSeconds": line.max_runtime_seconds}
        return request

    def download(self) -> Iterator[Path]:
        """Fetch the outputs that go to local folders; the files written. Raises ServerFault."""
        with service_errors(self._client):
            for number, data in enumerate(self._outputs):
                if not data.is_s3:
                    yield from self._fetch(f"{self.name}/output-{number}/", Path(data.source))

    def _uri(self, number: int, data: DataPath, kind: str) -> str:
        return data.source if data.is_s3 else f"s3://{self._bucket}/{self.name}/{kind}-{number}"

    def _make_bucket(self) -> None:
        s3 = self._client.aws("s3")
        if self._bucket not in (bucket["Name"] for bucket in s3.list_buckets()["Buckets"]):
            s3.create_bucket(Bucket=self._bucket, **bucket_place(self._client.region))

    def _upload(self, source: Path, prefix: str) -> None:
        s3 = self._client.aws("s3")
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
        for path in files:
            inner = path.name if source.is_file() else path.relative_to(source).as_posix()
            s3.upload_file(str(path), self._bucket, f"{prefix}/{inner}")
        if not files:
            s3.put_object(Bucket=self._bucket, Key=f"{prefix}/")  # an empty folder, not a prefix without objects

    def _fetch(self, prefix: str, folder: Path) -> Iterator[Path]:
        s3 = self._client.aws("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for found in page.get("Contents", ()):
                path = folder / found["Key"].removeprefix(prefix)
                if not path.resolve().is_relative_to(folder.resolve()) or found["Key"].endswith("/"):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(self._bucket, found["Key"], str(path))
                yield path


def command_words(arguments: Sequence[str]) -> Sequence[str]:
    """The command of the container; one argument with spaces is split as a shell does."""
    return shlex.split(arguments[0]) if len(arguments) == 1 else list(arguments)


def _data_path(text: str, kind: str, number: int) -> DataPath:
    """`SOURCE[:/FOLDER]`; without a folder, `/opt/ml/processing/input` or `output`, numbered from the second on."""
    source, colon, folder = text.rpartition(":/")
    if not colon or source == "s3" or not source:
        suffix = f"-{number + 1}" if number else ""
        return DataPath(source=text, folder=f"{ROOT}/{kind}{suffix}")
    return DataPath(source=source, folder=f"/{folder}")


def _input(number: int, data: DataPath, uri: str) -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": data.folder, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": f"input-{number + 1}", "S3Input": s3}


def _output(number: int, data: DataPath, uri: str) -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": data.folder, "S3UploadMode": "EndOfJob"}
    return {"OutputName": f"output-{number + 1}", "S3Output": s3}
