"""The rules of CreateProcessingJob that the service model does not hold: how members depend on each other.

Pure; the request has passed the model's constraints. Texts are the service's where one is known (spec 1.2).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from processing_emulator.domain.spec import PROCESSING_ROOT, normal_path
from processing_emulator.domain.staging import NAME_LIMIT_BYTES
from processing_emulator.errors import ValidationFailed
from processing_emulator.jobs.cluster_rules import check_cluster
from processing_emulator.jobs.dataset_rules import check_definition
from processing_emulator.jobs.image_rules import check_app
from processing_emulator.jobs.supported_members import refuse_unsupported
from processing_emulator.jobs.tags import check_tags

_ROOT = f"{PROCESSING_ROOT}/"


def check_create(request: Mapping[str, Any], *, image_region: str | None = None) -> None:
    """Raise ValidationFailed for what the service refuses, then Unsupported for what only the emulator refuses.

    `image_region`: the region that an image in ECR must be in; None where it may be in any.
    """
    inputs = request.get("ProcessingInputs") or []
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    _check_no_nul(request)
    check_app(request["AppSpecification"], image_region)
    for item in inputs:
        _check_input(item)
    for item in outputs:
        _check_output(item)
    _check_unique("InputName", inputs)
    _check_unique("OutputName", outputs)
    if "Tags" in request:
        check_tags(request["Tags"])
    _check_paths(inputs, outputs)
    check_cluster(request["ProcessingResources"]["ClusterConfig"])
    refuse_unsupported(request)


def _check_no_nul(request: Mapping[str, Any]) -> None:
    """No argument, variable, path or key can carry a NUL; refused here, where the field can still be named."""
    path = _path_of_nul(request)
    if path is not None:
        raise ValidationFailed(f"{path.lstrip('.')} must not contain a NUL character")


def _path_of_nul(value: object) -> str | None:
    """Where the first NUL is, below `value`."""
    if isinstance(value, str):
        return "" if "\0" in value else None
    if isinstance(value, dict):
        for name, item in value.items():
            path = _path_of_nul(item)
            if path is not None:
                return f".{name}{path}"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            path = _path_of_nul(item)
            if path is not None:
                return f"[{index}]{path}"
    return None


def _check_input(item: Mapping[str, Any]) -> None:
    name, s3 = item["InputName"], item.get("S3Input")
    if (s3 is None) == (item.get("DatasetDefinition") is None):
        raise ValidationFailed(f"Input {name} must specify exactly one of S3Input and DatasetDefinition")
    if s3 is None:
        definition = item["DatasetDefinition"]
        check_definition(name, definition, is_app_managed=bool(item.get("AppManaged")))
        _check_path("Input", name, definition.get("LocalPath"))
        return
    if not item.get("AppManaged") and not (s3.get("LocalPath") and s3.get("S3InputMode")):
        raise ValidationFailed(
            f"Input {name} missing one or more required fields for SageMaker-managed S3Input: "
            '"LocalPath", "S3DownloadMode", "S3InputMode"'
        )
    if s3.get("S3CompressionType") == "Gzip" and s3.get("S3InputMode") != "Pipe":
        raise ValidationFailed(f"Input {name}: S3CompressionType Gzip can only be used with S3InputMode Pipe")
    _check_path("Input", name, s3.get("LocalPath"))


def _check_output(item: Mapping[str, Any]) -> None:
    name, s3 = item["OutputName"], item.get("S3Output")
    if (s3 is None) == (item.get("FeatureStoreOutput") is None):
        raise ValidationFailed(f"Output {name} must specify exactly one of S3Output and FeatureStoreOutput")
    if s3 is None:
        if not item.get("AppManaged"):
            raise ValidationFailed(f"Output {name}: FeatureStoreOutput is only supported with AppManaged")
        return
    if not item.get("AppManaged") and not s3.get("LocalPath"):
        raise ValidationFailed(
            f'Output {name} missing one or more required fields for SageMaker-managed S3Output: "LocalPath"'
        )
    _check_path("Output", name, s3.get("LocalPath"))


def _check_path(what: str, name: str, local_path: str | None) -> None:
    fault = _fault_of(local_path) if local_path else None
    if fault is not None:
        raise ValidationFailed(f"{what} {name}: LocalPath {local_path} {fault}")


def _fault_of(local_path: str) -> str | None:
    """Spec 1.3 and 8: below the processing root, without a way out of it."""
    if not local_path.startswith(_ROOT) or not normal_path(local_path).startswith(_ROOT):
        return f"must begin with {_ROOT} and name a folder below it"
    if "/." not in local_path and len(local_path.encode()) <= NAME_LIMIT_BYTES:
        return None
    for part in local_path.split("/"):
        if part in {".", ".."}:
            return "must not contain . or .. as a segment"
        if len(part.encode()) > NAME_LIMIT_BYTES:
            return f"has a segment of over {NAME_LIMIT_BYTES} bytes"
    return None


def _check_unique(member: str, items: Sequence[Mapping[str, Any]]) -> None:
    if len(items) > 1 and len({item[member] for item in items}) < len(items):
        names = [item[member] for item in items]
        name = next(name for name in names if names.count(name) > 1)
        raise ValidationFailed(f"{member} {name} is used more than once; it must be unique within the job")


def _check_paths(inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]) -> None:
    """No two inputs, and no input and output, may share a folder (spec 1.2); one inside another is legal (2.7)."""
    taken: dict[str, str] = {}
    for item in inputs:
        path = _managed_path(item, "S3Input") or _managed_path(item, "DatasetDefinition")
        name = item["InputName"]
        if path in taken:
            raise ValidationFailed(f"Inputs {taken[path]} and {name} have the same LocalPath {path}")
        if path is not None:
            taken[path] = name
    for item in outputs:
        path, name = _managed_path(item, "S3Output"), item["OutputName"]
        if path in taken:
            raise ValidationFailed(f"Input {taken[path]} and output {name} have the same LocalPath {path}")


def _managed_path(item: Mapping[str, Any], member: str) -> str | None:
    """The folder that the emulator fills or empties for an input or output, if it does."""
    path = (item.get(member) or {}).get("LocalPath")
    return normal_path(path) if path and not item.get("AppManaged") else None
