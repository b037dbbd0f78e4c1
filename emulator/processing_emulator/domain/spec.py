"""What a job has to do, read from its validated request. Besides `aws/`, only this module knows AWS's member names."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from processing_emulator.domain.datasets import DatasetQuery, dataset_query
from processing_emulator.domain.s3_uri import S3Uri, parse_s3_uri
from processing_emulator.errors import Unsupported

PROCESSING_ROOT = "/opt/ml/processing"
"""The folder below which every LocalPath lies (spec 1.3)."""

DEFAULT_MAX_RUNTIME_SECONDS = 86400
"""MaxRuntimeInSeconds of a request without StoppingCondition (spec 1.3)."""


class Distribution(StrEnum):
    """Which instances get which objects of an input."""

    FULLY_REPLICATED = "FullyReplicated"
    SHARDED_BY_S3_KEY = "ShardedByS3Key"


class InputMode(StrEnum):
    """Whether the container finds files, or reads named pipes."""

    FILE = "File"
    PIPE = "Pipe"


class Compression(StrEnum):
    """How the objects of an input are compressed; Pipe mode can undo it."""

    NONE = "None"
    GZIP = "Gzip"


class UploadMode(StrEnum):
    """When an output is uploaded."""

    END_OF_JOB = "EndOfJob"
    CONTINUOUS = "Continuous"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Prefix:
    """All objects whose key starts with a prefix (spec 3.1)."""

    uri: S3Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Manifest:
    """The objects that a manifest lists; `uri` is the manifest's own (spec 3.2)."""

    uri: S3Uri


Source = S3Prefix | S3Manifest | DatasetQuery
"""Where an input comes from. A new kind becomes a union member here, a case in `_source_of` and one in `Stager`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """One input to be staged to a folder in the container, or fed to named pipes (spec 3.4)."""

    name: str
    source: Source
    local_path: str
    distribution: Distribution = Distribution.FULLY_REPLICATED
    mode: InputMode = InputMode.FILE
    compression: Compression = Compression.NONE

    @property
    def folder(self) -> str:
        """The folder in the container that the input needs: its LocalPath, or the one that its named pipes lie in."""
        return self.local_path if self.mode is InputMode.FILE else self.local_path.rpartition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """One output folder in the container, to be uploaded (spec 4)."""

    name: str
    uri: S3Uri
    local_path: str
    upload_mode: UploadMode = UploadMode.END_OF_JOB


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceChoice:
    """An instance type that a job may run on, and how many instances of it."""

    instance_type: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """Everything the engine needs to know about a request. `entrypoint` or `arguments` None: the image's (spec 2.1).

    `inputs` and `outputs` are those the emulator stages: AppManaged ones, of any kind, are left to the container.
    `choices` are in order of priority; `must_select` is true if they come from InstancePreferences, because then the
    selected one is recorded and shown (spec 1.3).
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
    """A LocalPath without trailing and doubled slashes, which some clients send (spec 6.2)."""
    if local_path[:1] == "/" != local_path[-1:] and "//" not in local_path:
        return local_path
    return "/" + "/".join(part for part in local_path.split("/") if part)


def choices_of(cluster: Mapping[str, Any]) -> tuple[InstanceChoice, ...]:
    """What a ClusterConfig allows a job to run on, by priority. A preference's own count overrides the job's."""
    preferences = cluster.get("InstancePreferences") or [cluster]
    return tuple(
        InstanceChoice(
            instance_type=preference["InstanceType"],
            count=preference.get("InstanceCount") or cluster.get("InstanceCount", 1),
        )
        for preference in preferences
    )


def settled_request(request: Mapping[str, Any], choice: InstanceChoice | None) -> Mapping[str, Any]:
    """The request as if it had named only the selected instance; unchanged if nothing had to be selected."""
    if choice is None:
        return request
    resources = request["ProcessingResources"]
    cluster = {name: value for name, value in resources["ClusterConfig"].items() if name != "InstancePreferences"}
    cluster |= {"InstanceType": choice.instance_type, "InstanceCount": choice.count}
    return {**request, "ProcessingResources": {**resources, "ClusterConfig": cluster}}


def _input_of(item: Mapping[str, Any], job_name: str) -> JobInput:
    name = item["InputName"]
    if "S3Input" not in item:
        return _dataset_of(name, item["DatasetDefinition"], job_name)
    s3 = item["S3Input"]
    return JobInput(
        name=name,
        source=_source_of(name, s3),
        local_path=normal_path(s3["LocalPath"]),
        distribution=Distribution(s3.get("S3DataDistributionType") or Distribution.FULLY_REPLICATED),
        mode=InputMode(s3.get("S3InputMode") or InputMode.FILE),
        compression=Compression(s3.get("S3CompressionType") or Compression.NONE),
    )


def _dataset_of(name: str, definition: Mapping[str, Any], job_name: str) -> JobInput:
    """An input that is the result of a query; its default distribution is not that of an S3Input (spec 1.3)."""
    return JobInput(
        name=name,
        source=dataset_query(name, definition, job_name),
        local_path=normal_path(definition["LocalPath"]),
        distribution=Distribution(definition.get("DataDistributionType") or Distribution.SHARDED_BY_S3_KEY),
        mode=InputMode(definition.get("InputMode") or InputMode.FILE),
    )


def _source_of(name: str, s3: Mapping[str, Any]) -> Source:
    match s3["S3DataType"]:
        case "S3Prefix":
            return S3Prefix(uri=parse_s3_uri(s3["S3Uri"]))
        case "ManifestFile":
            return S3Manifest(uri=parse_s3_uri(s3["S3Uri"]))
        case other:
            raise Unsupported(f"Input {name}: S3DataType {other} is not supported by the emulator")


def _output_of(item: Mapping[str, Any]) -> JobOutput:
    s3 = item["S3Output"]
    return JobOutput(
        name=item["OutputName"],
        uri=parse_s3_uri(s3["S3Uri"]),
        local_path=normal_path(s3["LocalPath"]),
        upload_mode=UploadMode(s3["S3UploadMode"]),
    )


def spec_of(request: Mapping[str, Any]) -> JobSpec:
    """Read a validated CreateProcessingJob request. Raises Unsupported for an input that cannot be staged."""
    app = request["AppSpecification"]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return JobSpec(
        image_uri=app["ImageUri"],
        entrypoint=_strings(app.get("ContainerEntrypoint")),
        arguments=_strings(app.get("ContainerArguments")),
        environment=dict(request.get("Environment") or {}),
        inputs=tuple(
            _input_of(item, request["ProcessingJobName"])
            for item in request.get("ProcessingInputs") or []
            if not item.get("AppManaged")
        ),
        outputs=tuple(_output_of(item) for item in outputs if not item.get("AppManaged")),
        choices=choices_of(cluster),
        must_select=bool(cluster.get("InstancePreferences")),
        volume_gib=cluster["VolumeSizeInGB"],
        max_runtime_seconds=(request.get("StoppingCondition") or {}).get(
            "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS
        ),
        network_isolation=bool((request.get("NetworkConfig") or {}).get("EnableNetworkIsolation")),
        role_arn=request["RoleArn"],
    )
