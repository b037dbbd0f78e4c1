"""What the emulator does with each member and option of a CreateProcessingJob request, as data.

Everything the emulator does not do is refused by its name, so that no request is silently run as something else; a
member of a newer service model that this table does not know is refused too. `docs/reference/operations.md`
shows this table, and a test compares it with the service model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, cast

from processing_emulator.domain.s3_uri import parse_s3_uri
from processing_emulator.errors import Unsupported

GAPS_PAGE = "docs/reference/operations.md"


class Support(StrEnum):
    """How far a member or an option is served."""

    SUPPORTED = "supported"
    NO_EFFECT = "accepted without effect"
    APP_MANAGED = "with AppManaged only"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The verdict on one member, and its reason where it is not plainly supported."""

    support: Support
    note: str = ""


_SUPPORTED = Coverage(Support.SUPPORTED)
_MAP_ENTRIES = Coverage(Support.SUPPORTED, "any key")
_PASSED_ON = Coverage(Support.SUPPORTED, "passed on to the container")
_S3_URI = Coverage(Support.SUPPORTED, "`s3://`, and `https://` of S3 at `amazonaws.com`")


def _no_effect(note: str) -> Coverage:
    return Coverage(Support.NO_EFFECT, note)


def _refused(note: str) -> Coverage:
    return Coverage(Support.REFUSED, note)


def _app_managed(note: str) -> Coverage:
    return Coverage(Support.APP_MANAGED, f"{note}; with AppManaged, the container does the work")


_ALL_OR_NONE = "all instances of a job start together, each in a container of its own on this machine"
_KMS = "nothing is encrypted with KMS keys on this machine"
_NO_ACCOUNT = "there is one DuckDB for all queries"
_FORMS = Coverage(Support.SUPPORTED, "what DuckDB writes; [datasets](../datasets.md) lists it")
_EXPERIMENTS = "there is no experiment tracking here; Describe shows it"
_READ_ONLY = "Describe shows it, Create does not take it"
_VPC = "containers use the engine's own network; Describe shows it"

MEMBERS: Mapping[str, Coverage] = MappingProxyType(
    {
        "ProcessingJobName": _SUPPORTED,
        "RoleArn": _no_effect("no role is assumed; its form is checked, and Describe shows it"),
        "AppSpecification": _SUPPORTED,
        "AppSpecification.ImageUri": _SUPPORTED,
        "AppSpecification.ContainerEntrypoint": _SUPPORTED,
        "AppSpecification.ContainerArguments": _SUPPORTED,
        "ProcessingResources": _SUPPORTED,
        "ProcessingResources.ClusterConfig": _SUPPORTED,
        "ProcessingResources.ClusterConfig.InstanceCount": Coverage(Support.SUPPORTED, _ALL_OR_NONE),
        "ProcessingResources.ClusterConfig.InstanceType": _SUPPORTED,
        "ProcessingResources.ClusterConfig.VolumeSizeInGB": _SUPPORTED,
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId": _no_effect(_KMS),
        "ProcessingResources.ClusterConfig.InstancePreferences": Coverage(
            Support.SUPPORTED, "the first that this machine has room for; a type that it can never run is passed over"
        ),
        "ProcessingResources.ClusterConfig.InstancePreferences.InstanceType": _SUPPORTED,
        "ProcessingResources.ClusterConfig.InstancePreferences.InstanceCount": Coverage(
            Support.SUPPORTED, _ALL_OR_NONE
        ),
        "ProcessingResources.ClusterConfig.SelectedInstanceType": _refused(_READ_ONLY),
        "ProcessingResources.ClusterConfig.SelectedInstanceCount": _refused(_READ_ONLY),
        "ProcessingInputs": _SUPPORTED,
        "ProcessingInputs.InputName": _SUPPORTED,
        "ProcessingInputs.AppManaged": _SUPPORTED,
        "ProcessingInputs.S3Input": _SUPPORTED,
        "ProcessingInputs.S3Input.S3Uri": _S3_URI,
        "ProcessingInputs.S3Input.LocalPath": _SUPPORTED,
        "ProcessingInputs.S3Input.S3DataType": _SUPPORTED,
        "ProcessingInputs.S3Input.S3InputMode": _SUPPORTED,
        "ProcessingInputs.S3Input.S3DataDistributionType": Coverage(
            Support.SUPPORTED, "shards are dealt out in the order of the keys: object i goes to instance i mod n"
        ),
        "ProcessingInputs.S3Input.S3CompressionType": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition": Coverage(
            Support.SUPPORTED, "DuckDB (extra `datasets`) runs the query over the catalogue of the seed file"
        ),
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.Catalog": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.Database": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.QueryString": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.WorkGroup": _no_effect(_NO_ACCOUNT),
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.OutputS3Uri": _S3_URI,
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.KmsKeyId": _no_effect(_KMS),
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.OutputFormat": _FORMS,
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.OutputCompression": _FORMS,
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.ClusterId": _no_effect(_NO_ACCOUNT),
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.Database": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.DbUser": _no_effect(_NO_ACCOUNT),
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.QueryString": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.ClusterRoleArn": _no_effect(_NO_ACCOUNT),
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.OutputS3Uri": _S3_URI,
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.KmsKeyId": _no_effect(_KMS),
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.OutputFormat": _FORMS,
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.OutputCompression": _FORMS,
        "ProcessingInputs.DatasetDefinition.LocalPath": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.DataDistributionType": _SUPPORTED,
        "ProcessingInputs.DatasetDefinition.InputMode": _SUPPORTED,
        "ProcessingOutputConfig": _SUPPORTED,
        "ProcessingOutputConfig.Outputs": _SUPPORTED,
        "ProcessingOutputConfig.Outputs.OutputName": _SUPPORTED,
        "ProcessingOutputConfig.Outputs.AppManaged": _SUPPORTED,
        "ProcessingOutputConfig.Outputs.S3Output": _SUPPORTED,
        "ProcessingOutputConfig.Outputs.S3Output.S3Uri": _S3_URI,
        "ProcessingOutputConfig.Outputs.S3Output.LocalPath": _SUPPORTED,
        "ProcessingOutputConfig.Outputs.S3Output.S3UploadMode": _SUPPORTED,
        "ProcessingOutputConfig.Outputs.FeatureStoreOutput": _app_managed("there is no Feature Store here"),
        "ProcessingOutputConfig.Outputs.FeatureStoreOutput.FeatureGroupName": _PASSED_ON,
        "ProcessingOutputConfig.KmsKeyId": _no_effect(_KMS),
        "StoppingCondition": _SUPPORTED,
        "StoppingCondition.MaxRuntimeInSeconds": _SUPPORTED,
        "Environment": _MAP_ENTRIES,
        "NetworkConfig": _SUPPORTED,
        "NetworkConfig.EnableNetworkIsolation": _SUPPORTED,
        "NetworkConfig.EnableInterContainerTrafficEncryption": _no_effect("traffic stays on this machine"),
        "NetworkConfig.VpcConfig": _no_effect(_VPC),
        "NetworkConfig.VpcConfig.SecurityGroupIds": _no_effect(_VPC),
        "NetworkConfig.VpcConfig.Subnets": _no_effect(_VPC),
        "Tags": _SUPPORTED,
        "Tags.Key": _SUPPORTED,
        "Tags.Value": _SUPPORTED,
        "ExperimentConfig": _no_effect(_EXPERIMENTS),
        "ExperimentConfig.ExperimentName": _no_effect(_EXPERIMENTS),
        "ExperimentConfig.TrialName": _no_effect(_EXPERIMENTS),
        "ExperimentConfig.TrialComponentDisplayName": _no_effect(_EXPERIMENTS),
        "ExperimentConfig.RunName": _no_effect(_EXPERIMENTS),
    }
)
"""Every member by its path; positions in lists are left out. Below a refused member nothing is named."""

REFUSED_VALUES: Mapping[str, Mapping[object, str]] = MappingProxyType(
    {
        "ProcessingInputs.DatasetDefinition.InputMode": {"Pipe": "only File is"},
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.OutputFormat": {
            "ORC": "PARQUET, JSON and TEXTFILE are",
            "AVRO": "PARQUET, JSON and TEXTFILE are",
        },
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.OutputCompression": {"ZLIB": "GZIP and SNAPPY are"},
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.OutputCompression": {
            "BZIP2": "None, GZIP, ZSTD and SNAPPY are"
        },
    }
)
"""Values of supported members that the service knows and the emulator does not serve, with what is served instead."""

S3_URIS = frozenset(
    {
        "ProcessingInputs.S3Input.S3Uri",
        "ProcessingInputs.DatasetDefinition.AthenaDatasetDefinition.OutputS3Uri",
        "ProcessingInputs.DatasetDefinition.RedshiftDatasetDefinition.OutputS3Uri",
        "ProcessingOutputConfig.Outputs.S3Output.S3Uri",
    }
)
"""Members that are served when `parse_s3_uri` takes them."""

APP_MANAGED_ITEMS = frozenset({"ProcessingInputs", "ProcessingOutputConfig.Outputs"})
"""Lists whose items may be AppManaged. The container does the work for those, so every member and value is served."""

OTHER_MEMBERS: Mapping[str, Coverage] = MappingProxyType(
    {
        "DescribeProcessingJobResponse.MonitoringScheduleArn": _refused("never there: no schedule makes jobs here"),
        "DescribeProcessingJobResponse.AutoMLJobArn": _refused("never there: no AutoML job makes jobs here"),
        "DescribeProcessingJobResponse.TrainingJobArn": _refused("never there: there are no training jobs here"),
        "ListTagsInput.NextToken": _no_effect("there is never a second page; any token is refused"),
        "ListTagsInput.MaxResults": _no_effect("a resource has at most 50 tags, and a page holds at least 50"),
        "ListTagsOutput.NextToken": _refused("never there: there is never a second page"),
    }
)
"""Members of the other requests, and of all replies, that are not plainly supported: `Shape.Member`."""


def refuse_unsupported(request: Mapping[str, Any]) -> None:
    """Raise Unsupported for the first member or option of a valid request that the emulator does not serve."""
    gap = _gap_in_request(request)
    if gap is not None:
        raise Unsupported(f"{gap.shown.lstrip('.')} is not supported by the emulator ({gap.note}); see {GAPS_PAGE}")


@dataclass(frozen=True, slots=True)
class _Gap:
    """What is not served, as a user reads it, and why."""

    shown: str
    note: str


_Finder = Callable[[Any], _Gap | None]
"""Finds the first gap in the value of a member. Made once from the table, because every request is checked."""


def _finder(path: str, by_app: bool = False) -> _Finder | None:
    """The finder for one member, None when whatever it holds is served. `by_app`: within an AppManaged item."""
    coverage = MEMBERS[path]
    if coverage.support is Support.REFUSED or (coverage.support is Support.APP_MANAGED and not by_app):
        return _always(_Gap("", coverage.note))
    if path in APP_MANAGED_ITEMS:
        return _each(_by_management(path))
    if by_app:
        return _each(_finder_below(path, by_app=True))
    if path in S3_URIS:
        return _gap_in_uri
    if path in REFUSED_VALUES:
        notes = REFUSED_VALUES[path]
        return lambda value: _Gap(f" {value}", notes[value]) if value in notes else None
    return _each(_finder_below(path))


def _finder_below(path: str, *, by_app: bool = False) -> _Finder | None:
    """The finder for the members of a structure; the empty path is the request's."""
    below = [member for member in MEMBERS if member.rpartition(".")[0] == path]
    finders = {member.rpartition(".")[2]: _finder(member, by_app) for member in below}
    if not finders:
        return None

    def find(value: Any) -> _Gap | None:
        for name, item in value.items():
            finder = finders.get(name, _unknown)
            if finder is not None:
                gap = finder(item)
                if gap is not None:
                    return _Gap(f".{name}{gap.shown}", gap.note)
        return None

    return find


def _by_management(path: str) -> _Finder:
    """The finder for one item that may be AppManaged."""
    by_emulator, by_app = _finder_below(path), _finder_below(path, by_app=True)

    def find(item: Any) -> _Gap | None:
        finder = by_app if item.get("AppManaged") else by_emulator
        return finder(item) if finder is not None else None

    return find


def _each(finder: _Finder | None) -> _Finder | None:
    """The finder for one structure, or for a list of them."""
    if finder is None:
        return None

    def find(value: Any) -> _Gap | None:
        if type(value) is not list:
            return finder(value)
        for index, item in enumerate(value):
            gap = finder(item)
            if gap is not None:
                return _Gap(f"[{index}]{gap.shown}", gap.note)
        return None

    return find


def _gap_in_uri(text: Any) -> _Gap | None:
    try:
        parse_s3_uri(text)
    except Unsupported as error:
        return _Gap(f" {text}", str(error))
    return None


def _always(gap: _Gap) -> _Finder:
    return lambda _: gap


_unknown = _always(_Gap("", "this version of the emulator does not know it"))
_gap_in_request = cast(_Finder, _finder_below(""))
