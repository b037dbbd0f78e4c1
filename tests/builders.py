"""Builders of valid requests and their parts; tests pass only what they care about."""

from pathlib import Path
from typing import Any

from processing_emulator.domain.job import JobKey
from processing_emulator.domain.staging import FileVersion
from processing_emulator.ports import LocalFile

ROLE = "arn:aws:iam::111122223333:role/r"
IMAGE = "processing-emulator/python:test"


def a_key(name: str = "job", *, account: str = "000000000000", region: str = "us-east-1") -> JobKey:
    """A job's key."""
    return JobKey(account=account, region=region, name=name)


def an_input(name: str = "in", uri: str = "s3://bkt/in/", path: str = "/opt/ml/processing/input") -> dict[str, Any]:
    """A ProcessingInput: an S3 prefix, staged as files."""
    return {
        "InputName": name,
        "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"},
    }


def an_output(name: str = "out", uri: str = "s3://bkt/out", path: str = "/opt/ml/processing/output") -> dict[str, Any]:
    """A ProcessingOutput that is uploaded at the end of the job."""
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": "EndOfJob"}}


def a_request(
    name: str = "job",
    *,
    image: str = IMAGE,
    entrypoint: list[str] | None = None,
    arguments: list[str] | None = None,
    inputs: list[dict[str, Any]] | None = None,
    outputs: list[dict[str, Any]] | None = None,
    instance_type: str = "ml.t3.medium",
    hosts: int = 1,
    volume_gib: int = 1,
    **more: Any,
) -> dict[str, Any]:
    """A CreateProcessingJob request; `more` adds top-level members."""
    app: dict[str, Any] = {"ImageUri": image}
    if entrypoint is not None:
        app["ContainerEntrypoint"] = entrypoint
    if arguments is not None:
        app["ContainerArguments"] = arguments
    request: dict[str, Any] = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": app,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": hosts, "InstanceType": instance_type, "VolumeSizeInGB": volume_gib}
        },
        **more,
    }
    if inputs is not None:
        request["ProcessingInputs"] = inputs
    if outputs is not None:
        request["ProcessingOutputConfig"] = {"Outputs": outputs}
    return request


def a_local_file(path: Path, bucket: str, key: str) -> LocalFile:
    """The file to upload in its present version; without one, in a version that no file has."""
    version = FileVersion.of(path.lstat()) if path.is_file() else FileVersion(0, 0, 0, 0, 0)
    return LocalFile(root=path.parent, path=path.name, bucket=bucket, key=key, version=version)
