"""Turns what DescribeProcessingJob said in the cloud into a request for this emulator. Pure."""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from processing_emulator.cli.bundles.archive import DOCUMENT_LIMITS
from processing_emulator.cli.bundles.create_requests import Request, checked_request, job_name_for, with_buckets
from processing_emulator.cli.bundles.listings import input_places, list_inputs, written_buckets
from processing_emulator.cli.bundles.local_data import local_objects
from processing_emulator.cli.bundles.placement import Placed, Say, make_buckets, place
from processing_emulator.cli.emulator_client import EmulatorClient, service_errors

_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):processing-job/.+")
_ROLE = re.compile(r"(arn:aws[a-z-]*:iam::)(?P<account>[0-9]{12})(:role/.+)")

_ANSWERS = frozenset(
    {
        *("ProcessingJobArn", "ProcessingJobStatus", "ExitMessage", "FailureReason", "CreatedBy", "ResponseMetadata"),
        *("ProcessingEndTime", "ProcessingStartTime", "LastModifiedTime", "CreationTime"),
        *("MonitoringScheduleArn", "AutoMLJobArn", "TrainingJobArn"),
    }
)
"""Members of the answer that no request has (spec 1.4)."""

_MOST_DEPTH = 30
"""Of the document; those of the service have some seven levels."""

_READ_ONLY = frozenset({"SelectedInstanceType", "SelectedInstanceCount"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What the command line wants different. `buckets`: names of the cloud, and those here."""

    account: str
    name: str | None = None
    image: str | None = None
    instance_type: str | None = None
    buckets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudDocument:
    """What the service said of a job."""

    members: Mapping[str, Any]

    @property
    def region(self) -> str | None:
        """Where it ran, by its ARN."""
        match = _ARN.fullmatch(str(self.members.get("ProcessingJobArn", "")))
        return match["region"] if match else None

    @property
    def end(self) -> str | None:
        """How it ended there, in a sentence; None if it had not."""
        status, reason = self.members.get("ProcessingJobStatus"), self.members.get("FailureReason")
        if status not in ("Completed", "Failed", "Stopped"):
            return None
        return f"in the cloud it ended as {status}{f': {reason}' if reason else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The request, and a sentence for everything in it that is not as it was. `original` has the cloud's buckets."""

    request: Request
    original: Request
    notes: Sequence[str]


def parse_document(content: bytes) -> CloudDocument:
    """What the AWS CLI prints, or a boto3 answer as JSON. Raises ClickException."""
    limit = DOCUMENT_LIMITS["describe"]
    if len(content) > limit:
        raise click.ClickException(f"this is not what DescribeProcessingJob answers: it has more than {limit} bytes")
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise click.ClickException(
            f"this is not JSON ({error}); aws sagemaker describe-processing-job --output json prints it"
        ) from error
    if not isinstance(found, dict) or "AppSpecification" not in found:
        raise click.ClickException("this is not what DescribeProcessingJob answers: it has no AppSpecification")
    return CloudDocument(members=found)


def imported(document: CloudDocument, mapped: Mapped) -> Imported:
    """The request that made the job, for this emulator. Raises ClickException."""
    members = {name: value for name, value in document.members.items() if name not in _ANSWERS}
    notes: list[str] = []
    given = _copied(members)  # changed below
    _drop_selected(given, notes)
    _drop_keys(given, notes)
    _drop_network(given, notes)
    _map_role(given, mapped.account, notes)
    if mapped.image is not None:
        notes.append(f"the image {_in(given, 'AppSpecification').get('ImageUri')} is replaced by {mapped.image}")
        given["AppSpecification"]["ImageUri"] = mapped.image
    if mapped.instance_type is not None:
        cluster = _in(given, "ProcessingResources", "ClusterConfig")
        cluster.pop("InstancePreferences", None)
        cluster["InstanceType"] = mapped.instance_type
        cluster.setdefault("InstanceCount", 1)
        notes.append(f"it runs on {mapped.instance_type}")
    if mapped.name is not None:
        given["ProcessingJobName"] = mapped.name
    original = checked_request(given)
    request, changed = with_buckets(original, mapped.buckets)
    notes += [f"{path}: its bucket is mapped" for path in changed]
    notes += [f"{path} is dropped: a request has no such member" for path in _lost(given, request, "")]
    return Imported(request=request, original=original, notes=notes)


def create_imported(client: EmulatorClient, made: Imported, data: Path | None, *, overwrite: bool, say: Say) -> str:
    """Make buckets, upload what `data` has of the inputs, create the job; its name. Raises ClickException."""
    places = zip(input_places(made.original), input_places(made.request), strict=True)
    pairs = [(one, other.uri.bucket) for one, other in places if other.uri is not None]
    found = [each for one, bucket in pairs if data is not None for each in local_objects(data, one, bucket)]
    placed = Placed()
    with service_errors(client):
        s3, sagemaker = client.aws("s3"), client.aws("sagemaker")
        make_buckets(s3, client.region, written_buckets(made.request) | {each.wanted.bucket for each in found}, placed)
        for each in found:
            place(s3, each.wanted, functools.partial(each.path.open, "rb"), placed, overwrite=overwrite)
        for sentence in placed.sentences():
            say(sentence)
        for listing in list_inputs(s3, made.request):
            if not listing.objects:
                say(
                    f"{listing.what} has no objects here: {listing.note or 'upload them, or name a folder with --data'}"
                )
        name = job_name_for(sagemaker, made.request["ProcessingJobName"])
        sagemaker.create_processing_job(**{**made.request, "ProcessingJobName": name})
    return name


def _copied(value: Any, depth: int = 0) -> Any:
    """A copy of a JSON document, which may be nested as deep as anybody likes. Raises ClickException."""
    if depth > _MOST_DEPTH:
        raise click.ClickException(
            f"this is not what DescribeProcessingJob answers: it is nested more than {_MOST_DEPTH} deep"
        )
    if isinstance(value, dict):
        return {name: _copied(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_copied(item, depth + 1) for item in value]
    return value


def _in(value: dict[str, Any], *path: str) -> dict[str, Any]:
    """A structure in a document that nobody has checked. Raises ClickException."""
    for name in path:
        value = value.get(name)  # type: ignore[assignment]
        if not isinstance(value, dict):
            raise click.ClickException(f"this is not what DescribeProcessingJob answers: it has no {'.'.join(path)}")
    return value


def _drop_selected(given: dict[str, Any], notes: list[str]) -> None:
    """What was selected from InstancePreferences is no member of a request (spec 1.3)."""
    cluster = _in(given, "ProcessingResources", "ClusterConfig")
    gone = sorted(_READ_ONLY & cluster.keys())
    if gone:
        notes.append(f"the cloud selected {cluster.get('SelectedInstanceType')}; here the preferences decide")
    for name in gone:
        del cluster[name]


def _drop_keys(given: dict[str, Any], notes: list[str]) -> None:
    """KMS keys of the volume, the outputs and the results of queries."""

    def drop(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for name in list(value):
                here = f"{path}.{name}".lstrip(".")
                if name in ("KmsKeyId", "VolumeKmsKeyId"):
                    notes.append(f"{here} is dropped: nothing is encrypted with KMS keys here")
                    del value[name]
                elif here != "Environment":
                    drop(value[name], here)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                drop(item, f"{path}[{index}]")

    drop(given, "")


def _drop_network(given: dict[str, Any], notes: list[str]) -> None:
    config = given.get("NetworkConfig")
    if isinstance(config, dict) and config.pop("VpcConfig", None) is not None:
        notes.append("NetworkConfig.VpcConfig is dropped: containers use the network of the Docker engine")
    if config == {}:
        del given["NetworkConfig"]


def _map_role(given: dict[str, Any], account: str, notes: list[str]) -> None:
    match = _ROLE.fullmatch(str(given.get("RoleArn", "")))
    if match is not None and match["account"] != account:
        given["RoleArn"] = f"{match[1]}{account}{match[3]}"
        notes.append(f"RoleArn is mapped to {given['RoleArn']}: no role is assumed here")


def _lost(given: Any, request: Any, path: str) -> list[str]:
    """Members that the model of a request does not have, such as `OutputDatasetS3Uri` (P-D08)."""
    if isinstance(given, dict) and isinstance(request, dict):
        found: list[str] = []
        for name, value in given.items():
            here = f"{path}.{name}".lstrip(".")
            if name in request:
                found += _lost(value, request[name], here)
            elif value is not None:
                found.append(here)
        return found
    if isinstance(given, list) and isinstance(request, list):
        return [
            each
            for index, (one, two) in enumerate(zip(given, request, strict=False))
            for each in _lost(one, two, f"{path}[{index}]")
        ]
    return []
