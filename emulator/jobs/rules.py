"""The rules of CreateProcessingJob that the service model does not hold: how members depend on each other.

Pure; the request has passed the model's constraints. Texts are the service's where one is known (spec 1.2).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emulator.domain.spec import PROCESSING_ROOT, normal_path
from emulator.domain.staging import NAME_LIMIT_BYTES
from emulator.errors import ValidationFailed
from emulator.jobs.cluster_rules import check_cluster
from emulator.jobs.coverage import refuse_unsupported
from emulator.jobs.tags import check_tags


def check_create(request: Mapping[str, Any]) -> None:
    """Raise ValidationFailed for what the service refuses, then Unsupported for what only the emulator refuses."""
    inputs = request.get("ProcessingInputs") or []
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    _check_no_nul(request)
    _check_image(request["AppSpecification"]["ImageUri"])
    for item in inputs:
        _check_input(item)
    for item in outputs:
        _check_output(item)
    _check_unique("InputName", (item["InputName"] for item in inputs))
    _check_unique("OutputName", (item["OutputName"] for item in outputs))
    check_tags(request.get("Tags") or [])
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


def _check_image(uri: str) -> None:
    if not uri or any(character.isspace() for character in uri):
        raise ValidationFailed(
            f"Invalid image URI {uri}. Please provide a valid Amazon Elastic Container Registry path of the Docker "
            "image to run."
        )


def _check_input(item: Mapping[str, Any]) -> None:
    name, s3 = item["InputName"], item.get("S3Input")
    if (s3 is None) == (item.get("DatasetDefinition") is None):
        raise ValidationFailed(f"Input {name} must specify exactly one of S3Input and DatasetDefinition")
    if s3 is None:
        return
    if not item.get("AppManaged") and not (s3.get("LocalPath") and s3.get("S3InputMode")):
        raise ValidationFailed(
            f"Input {name} missing one or more required fields for SageMaker-managed S3Input: "
            '"LocalPath", "S3DownloadMode", "S3InputMode"'
        )
    if s3.get("S3CompressionType") == "Gzip" and s3.get("S3InputMode") != "Pipe":
        raise ValidationFailed(f"Input {name}: S3CompressionType Gzip can only be used with S3InputMode Pipe")
    _check_path(f"Input {name}", s3.get("LocalPath"))


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
    _check_path(f"Output {name}", s3.get("LocalPath"))


def _check_path(owner: str, local_path: str | None) -> None:
    """Spec 1.3 and 8: below the processing root, without a way out of it."""
    if not local_path:
        return
    root = f"{PROCESSING_ROOT}/"
    if not local_path.startswith(root) or not normal_path(local_path).startswith(root):
        raise ValidationFailed(f"{owner}: LocalPath {local_path} must begin with {root} and name a folder below it")
    for part in local_path.split("/"):
        if part in {".", ".."}:
            raise ValidationFailed(f"{owner}: LocalPath {local_path} must not contain . or .. as a segment")
        if len(part.encode()) > NAME_LIMIT_BYTES:
            raise ValidationFailed(f"{owner}: LocalPath {local_path} has a segment of over {NAME_LIMIT_BYTES} bytes")


def _check_unique(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValidationFailed(f"{what} {name} is used more than once; it must be unique within the job")


def _check_paths(inputs: list[Mapping[str, Any]], outputs: list[Mapping[str, Any]]) -> None:
    """No two inputs, and no input and output, may share a folder (spec 1.2); one inside another is legal (2.7)."""
    taken: dict[str, str] = {}
    for name, path in _managed_paths(inputs, "S3Input", "InputName"):
        if path in taken:
            raise ValidationFailed(f"Inputs {taken[path]} and {name} have the same LocalPath {path}")
        taken[path] = name
    for name, path in _managed_paths(outputs, "S3Output", "OutputName"):
        if path in taken:
            raise ValidationFailed(f"Input {taken[path]} and output {name} have the same LocalPath {path}")


def _managed_paths(items: list[Mapping[str, Any]], member: str, name: str) -> Iterator[tuple[str, str]]:
    for item in items:
        path = (item.get(member) or {}).get("LocalPath")
        if path and not item.get("AppManaged"):
            yield item[name], normal_path(path)
