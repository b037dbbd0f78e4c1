"""The container contract: the files under /opt/ml/config, and which host folder is mounted where (spec 2)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from processing_emulator.domain.job import JobKey
from processing_emulator.domain.spec import DEFAULT_MAX_RUNTIME_SECONDS, PROCESSING_ROOT, InputMode, JobSpec

CONFIG_PATH = "/opt/ml/config"
MESSAGE_FOLDER = "/opt/ml/output"
MESSAGE_LIMIT_BYTES = 1024
"""The first kilobyte of `/opt/ml/output/message` becomes the ExitMessage (spec 1.9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryKeys:
    """What a client signs with until `expires_at`."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderMount:
    """A folder below the instance's own folder on the host, and where the container sees it.

    `is_input`: nothing but files of inputs is in it, so that nothing is read from it after the container has ended.
    """

    folder: str
    target: str
    is_input: bool = False


def mounts_of(spec: JobSpec) -> tuple[FolderMount, ...]:
    """What is mounted: config, output, and the outermost LocalPaths; never /opt/ml itself (spec 2.1).

    A LocalPath inside another (spec 2.7) is a folder of the outer one's mount.
    """
    others = {o.local_path for o in spec.outputs} | {i.folder for i in spec.inputs if i.mode is InputMode.PIPE}
    paths = sorted({i.folder for i in spec.inputs} | others)
    outermost = [path for path in paths if not any(path.startswith(other + "/") for other in paths)]
    return (
        FolderMount(folder="config", target=CONFIG_PATH),
        FolderMount(folder="output", target=MESSAGE_FOLDER),
        *(
            FolderMount(
                folder=folder_of(path),
                target=path,
                is_input=not any(other == path or other.startswith(path + "/") for other in others),
            )
            for path in outermost
        ),
    )


def folder_of(local_path: str) -> str:
    """Where a LocalPath lies below the instance's folder on the host."""
    relative = PurePosixPath(local_path).relative_to(PROCESSING_ROOT)
    return str(PurePosixPath("processing") / relative)


SessionIssuer = Callable[[JobKey, JobSpec], TemporaryKeys]
"""Creates credentials for a container of a job, valid for its longest run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerAccess:
    """How code inside a container reaches the emulator. `endpoint_url` None: not at all.

    `access_key` None stands for the job's account, which the emulator takes as that account's key; `secret_key` None:
    no credentials are handed in. `issue`, where signatures are enforced, makes temporary ones instead.
    """

    endpoint_url: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    issue: SessionIssuer | None = None


def environment_of(spec: JobSpec, key: JobKey, access: ContainerAccess) -> dict[str, str]:
    """The environment variables added to those of the image (spec 2.2).

    AWS_DEFAULT_REGION is not set, as in the service. Under network isolation there is no endpoint and there are no
    credentials; the request's own variables win.
    """
    environment = {"AWS_REGION": key.region}
    if access.endpoint_url is not None and not spec.network_isolation:
        environment["AWS_ENDPOINT_URL"] = access.endpoint_url
        has_own_keys = "AWS_ACCESS_KEY_ID" in spec.environment  # a session token of ours would not match them
        if access.issue is not None and not has_own_keys:
            keys = access.issue(key, spec)
            environment["AWS_ACCESS_KEY_ID"] = keys.access_key
            environment["AWS_SECRET_ACCESS_KEY"] = keys.secret_key
            environment["AWS_SESSION_TOKEN"] = keys.session_token
        elif access.secret_key is not None:
            environment["AWS_ACCESS_KEY_ID"] = access.access_key or key.account
            environment["AWS_SECRET_ACCESS_KEY"] = access.secret_key
    return environment | dict(spec.environment)


def resource_config(hosts: Sequence[str], current: str) -> bytes:
    """`resourceconfig.json`: exactly two keys, one line (spec 2.3)."""
    return _json({"current_host": current, "hosts": list(hosts)})


def processing_job_config(key: JobKey, request: Mapping[str, Any]) -> bytes:
    """`processingjobconfig.json`: order and nulls as the service writes them (spec 2.4)."""
    app = request["AppSpecification"]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    outputs = request.get("ProcessingOutputConfig") or {}
    document: dict[str, Any] = {"ProcessingJobArn": key.arn, "ProcessingJobName": key.name}
    if request.get("Environment"):
        document["Environment"] = dict(request["Environment"])
    document["AppSpecification"] = {
        "ImageUri": app["ImageUri"],
        "ContainerEntrypoint": app.get("ContainerEntrypoint"),
        "ContainerArguments": app.get("ContainerArguments"),
    }
    document["ProcessingInputs"] = [_input(item) for item in request.get("ProcessingInputs") or []]
    document["ProcessingOutputConfig"] = {
        "Outputs": [_output(item) for item in outputs.get("Outputs", [])],
        "KmsKeyId": outputs.get("KmsKeyId"),
    }
    document["ProcessingResources"] = {
        "ClusterConfig": {
            "InstanceCount": cluster.get("InstanceCount", 1),
            "InstanceType": cluster["InstanceType"],
            "VolumeSizeInGB": cluster["VolumeSizeInGB"],
            "VolumeKmsKeyId": cluster.get("VolumeKmsKeyId"),
        }
    }
    document["RoleArn"] = request["RoleArn"]
    stopping = request.get("StoppingCondition") or {}
    document["StoppingCondition"] = {
        "MaxRuntimeInSeconds": stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
    }
    return _json(document)


def _input(item: Mapping[str, Any]) -> dict[str, Any]:
    s3 = item.get("S3Input")
    return {
        "InputName": item["InputName"],
        "AppManaged": bool(item.get("AppManaged", False)),
        "S3Input": None
        if s3 is None
        else {
            "LocalPath": s3.get("LocalPath"),
            "S3Uri": s3["S3Uri"],
            "S3DataDistributionType": s3.get("S3DataDistributionType", "FullyReplicated"),
            "S3DataType": s3["S3DataType"],
            "S3InputMode": s3.get("S3InputMode"),
            "S3CompressionType": s3.get("S3CompressionType", "None"),
            "S3DownloadMode": "StartOfJob",
        },
        "DatasetDefinition": item.get("DatasetDefinition"),
    }


def _output(item: Mapping[str, Any]) -> dict[str, Any]:
    s3 = item.get("S3Output")
    return {
        "OutputName": item["OutputName"],
        "AppManaged": bool(item.get("AppManaged", False)),
        "S3Output": None
        if s3 is None
        else {"LocalPath": s3.get("LocalPath"), "S3Uri": s3["S3Uri"], "S3UploadMode": s3["S3UploadMode"]},
        "FeatureStoreOutput": item.get("FeatureStoreOutput"),
    }


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def exit_message_of(content: bytes) -> str | None:
    """The ExitMessage in the first kilobyte of the message file; None when it is empty (spec 1.9).

    A character that the limit cuts in two is dropped. Raises UnicodeDecodeError if the content is not UTF-8.
    """
    head = content[:MESSAGE_LIMIT_BYTES]
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if len(content) <= MESSAGE_LIMIT_BYTES or error.reason != "unexpected end of data":
            raise
        text = head[: error.start].decode()
    return text or None
