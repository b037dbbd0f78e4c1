"""What a job is to do, read from its validated request. Beside `aws/`, the one place that knows the wire's names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from processing_emulator.errors import Unsupported

PROCESSING_ROOT = "/opt/ml/processing"
"""The folder below which every LocalPath lies (spec 1.3)."""

DEFAULT_MAX_RUNTIME_SECONDS = 86400
"""MaxRuntimeInSeconds of a request without StoppingCondition (spec 1.3)."""

_S3_URI = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket and a key, or a key's prefix; the key may be empty."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def parse_s3_uri(text: str) -> S3Uri:
    """Read `s3://bucket/key`. `https://` URIs are in the service's pattern but are not supported here.

    Raises Unsupported.
    """
    match = _S3_URI.fullmatch(text)
    if match is None:
        raise Unsupported(f"S3Uri {text}: only s3:// URIs are supported by the emulator")
    return S3Uri(match[1], match[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """One input to be staged: a key prefix (spec 3.1) to a folder in the container."""

    name: str
    uri: S3Uri
    local_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """One output folder in the container, uploaded at the end of the job (spec 4)."""

    name: str
    uri: S3Uri
    local_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceChoice:
    """How many instances of which type a job may run on."""

    instance_type: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """Everything the engine needs to know of a request. `entrypoint` or `arguments` None: the image's (spec 2.1).

    `choices` are in order of priority; `must_select` says that they come from InstancePreferences, so that what was
    chosen is recorded and shown (spec 1.3).
    """

    image_uri: str
    entrypoint: tuple[str, ...] | None
    arguments: tuple[str, ...] | None
    environment: Mapping[str, str]
    inputs: tuple[JobInput, ...]
    outputs: tuple[JobOutput, ...]
    choices: tuple[InstanceChoice, ...]
    must_select: bool
    volume_gib: int
    max_runtime_seconds: int
    network_isolation: bool
    role_arn: str


def _strings(value: list[str] | None) -> tuple[str, ...] | None:
    return tuple(value) if value is not None else None


def normal_path(local_path: str) -> str:
    """A LocalPath without trailing and doubled slashes; clients send both forms (spec 6.2)."""
    if local_path[:1] == "/" != local_path[-1:] and "//" not in local_path:
        return local_path
    return "/" + "/".join(part for part in local_path.split("/") if part)


def choices_of(cluster: Mapping[str, Any]) -> tuple[InstanceChoice, ...]:
    """What a ClusterConfig allows a job to run on, the first first; its own count comes before the job's."""
    preferences = cluster.get("InstancePreferences") or [cluster]
    return tuple(
        InstanceChoice(
            instance_type=preference["InstanceType"],
            count=preference.get("InstanceCount") or cluster.get("InstanceCount", 1),
        )
        for preference in preferences
    )


def settled_request(request: Mapping[str, Any], choice: InstanceChoice | None) -> Mapping[str, Any]:
    """The request as if it had asked for the selected instance alone; unchanged when nothing had to be selected."""
    if choice is None:
        return request
    resources = request["ProcessingResources"]
    cluster = {name: value for name, value in resources["ClusterConfig"].items() if name != "InstancePreferences"}
    cluster |= {"InstanceType": choice.instance_type, "InstanceCount": choice.count}
    return {**request, "ProcessingResources": {**resources, "ClusterConfig": cluster}}


def spec_of(request: Mapping[str, Any]) -> JobSpec:
    """Read a validated CreateProcessingJob request; AppManaged inputs and outputs are the container's own affair."""
    app = request["AppSpecification"]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return JobSpec(
        image_uri=app["ImageUri"],
        entrypoint=_strings(app.get("ContainerEntrypoint")),
        arguments=_strings(app.get("ContainerArguments")),
        environment=dict(request.get("Environment") or {}),
        inputs=tuple(
            JobInput(
                name=item["InputName"],
                uri=parse_s3_uri(item["S3Input"]["S3Uri"]),
                local_path=normal_path(item["S3Input"]["LocalPath"]),
            )
            for item in request.get("ProcessingInputs") or []
            if not item.get("AppManaged")
        ),
        outputs=tuple(
            JobOutput(
                name=item["OutputName"],
                uri=parse_s3_uri(item["S3Output"]["S3Uri"]),
                local_path=normal_path(item["S3Output"]["LocalPath"]),
            )
            for item in outputs
            if not item.get("AppManaged")
        ),
        choices=choices_of(cluster),
        must_select=bool(cluster.get("InstancePreferences")),
        volume_gib=cluster["VolumeSizeInGB"],
        max_runtime_seconds=(request.get("StoppingCondition") or {}).get(
            "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS
        ),
        network_isolation=bool((request.get("NetworkConfig") or {}).get("EnableNetworkIsolation")),
        role_arn=request["RoleArn"],
    )
