"""The objects of a job's inputs and outputs, as they are in the store when somebody looks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import click

from processing_emulator.domain.manifest import MANIFEST_LIMIT_BYTES, parse_manifest
from processing_emulator.domain.s3_uri import S3Uri, parse_s3_uri
from processing_emulator.domain.staging import StoredObject
from processing_emulator.errors import EmulatorError

MOST_OBJECTS = 200_000
"""Of all inputs, and of all outputs; the largest manifest has about as many keys."""

CLOCK_SLACK = timedelta(minutes=1)
"""How far the clock of a store may be behind the server's."""

QUERY_MEMBERS = ("AthenaDatasetDefinition", "RedshiftDatasetDefinition")
"""Members of a DatasetDefinition that have an OutputS3Uri."""

_MISSING_CODES = frozenset({"404", "NoSuchKey", "NoSuchBucket"})


class Place(NamedTuple):
    """One input or output of a request: its name, its kind, and where it lies; `uri` None for what is not in S3."""

    what: str
    uri: S3Uri | None
    is_manifest: bool = False

    @property
    def prefix(self) -> str:
        """What the keys of an output begin with."""
        key = self.uri.key.rstrip("/") if self.uri else ""
        return f"{key}/" if key else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The objects of one place. `note` is the sentence of why there are none, or not all."""

    what: str
    objects: Sequence[StoredObject] = ()
    note: str = ""


def input_places(request: Mapping[str, Any]) -> list[Place]:
    """All inputs, those that the container reads itself (AppManaged) too. Raises ClickException."""
    places = []
    for item in request.get("ProcessingInputs") or ():
        s3 = item.get("S3Input")
        uri = None if s3 is None else _parsed(s3["S3Uri"])
        is_manifest = s3 is not None and s3["S3DataType"] == "ManifestFile"
        places.append(Place(f"input {item['InputName']}", uri, is_manifest))
    return places


def output_places(request: Mapping[str, Any]) -> list[Place]:
    """All outputs. Raises ClickException."""
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
    return [
        Place(f"output {item['OutputName']}", _parsed(item["S3Output"]["S3Uri"]) if "S3Output" in item else None)
        for item in outputs
    ]


def written_buckets(request: Mapping[str, Any]) -> set[str]:
    """The buckets of outputs and of the results of queries. Raises ClickException."""
    definitions = [item.get("DatasetDefinition") or {} for item in request.get("ProcessingInputs") or ()]
    queries = [each[member] for each in definitions for member in QUERY_MEMBERS if member in each]
    outputs = {each.uri.bucket for each in output_places(request) if each.uri is not None}
    return outputs | {_parsed(each["OutputS3Uri"]).bucket for each in queries}


def list_inputs(s3: Any, request: Mapping[str, Any]) -> list[Listing]:
    """What is there now, one listing for each input. Raises ClickException, and botocore's errors."""
    return _bounded(_listed(s3, place) for place in input_places(request))


def list_outputs(s3: Any, request: Mapping[str, Any], began: datetime | None) -> list[Listing]:
    """What was written since the job has started; older objects are another job's. None: everything.

    Raises what `list_inputs` does.
    """
    return _bounded(_output(s3, place, began) for place in output_places(request))


def written_since(objects: Sequence[StoredObject], began: datetime | None) -> list[StoredObject]:
    """Those that a job that began then may have written, by the clock of a store."""
    since = None if began is None else began - CLOCK_SLACK
    return [each for each in objects if since is None or each.modified_at is None or each.modified_at >= since]


def _output(s3: Any, place: Place, began: datetime | None) -> Listing:
    folder = place._replace(uri=S3Uri(place.uri.bucket, place.prefix) if place.uri else None)
    found = _listed(s3, folder)
    kept = written_since(found.objects, began)
    older = len(found.objects) - len(kept)
    note = f"{older} older objects are left out" if older else found.note
    return Listing(what=found.what, objects=kept, note=note)


def _listed(s3: Any, place: Place) -> Listing:
    from botocore.exceptions import ClientError

    if place.uri is None:
        return Listing(what=place.what, note="it is not in S3, and is not listed")
    try:
        if place.is_manifest:
            return Listing(what=place.what, objects=list(_of_manifest(s3, place.uri)))
        return Listing(what=place.what, objects=list(islice(_below(s3, place.uri), MOST_OBJECTS + 1)))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING_CODES:
            raise
        return Listing(what=place.what, note=f"{place.uri}: {error.response['Error'].get('Message')}")


def _below(s3: Any, uri: S3Uri) -> Iterator[StoredObject]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key):
        for found in page.get("Contents", ()):
            yield StoredObject(
                bucket=uri.bucket,
                key=found["Key"],
                size_bytes=found["Size"],
                etag=found["ETag"].strip('"'),
                modified_at=found["LastModified"],
            )


def _of_manifest(s3: Any, uri: S3Uri) -> Iterator[StoredObject]:
    """The manifest, and those of its objects that exist."""
    from botocore.exceptions import ClientError

    found = s3.get_object(Bucket=uri.bucket, Key=uri.key)
    yield _described(uri.bucket, uri.key, found)
    content = found["Body"].read(MANIFEST_LIMIT_BYTES + 1)
    try:
        manifest = parse_manifest(content[:MANIFEST_LIMIT_BYTES], uri)
    except EmulatorError as error:
        raise click.ClickException(str(error)) from error
    for key in manifest.paths:
        try:
            yield _described(manifest.bucket, key, s3.head_object(Bucket=manifest.bucket, Key=key))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING_CODES:
                raise


def _described(bucket: str, key: str, found: Mapping[str, Any]) -> StoredObject:
    return StoredObject(
        bucket=bucket,
        key=key,
        size_bytes=found["ContentLength"],
        etag=found["ETag"].strip('"'),
        modified_at=found["LastModified"],
    )


def _bounded(listings: Iterable[Listing]) -> list[Listing]:
    found, count = [], 0
    for listing in listings:
        count += len(listing.objects)
        if count > MOST_OBJECTS:
            raise click.ClickException(f"{listing.what}: with it there are more than {MOST_OBJECTS} objects")
        found.append(listing)
    return found


def _parsed(text: str) -> S3Uri:
    try:
        return parse_s3_uri(text)
    except EmulatorError as error:
        raise click.ClickException(f"{text}: {error}") from error
