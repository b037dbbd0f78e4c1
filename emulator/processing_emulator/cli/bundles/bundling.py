"""Writes a job into one file, as a client of the API."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from processing_emulator import __version__
from processing_emulator.cli.bundles.archive import (
    CHUNK_BYTES,
    FORMAT,
    VERSION,
    BundleFault,
    BundleWriter,
    check_free,
    distinct_objects,
    listing_documents,
)
from processing_emulator.cli.bundles.listings import Listing, list_inputs, list_outputs
from processing_emulator.cli.bundles.runs import run_of
from processing_emulator.cli.emulator_client import Document, EmulatorClient, ServerFault, service_errors
from processing_emulator.cli.job_logs import ENDED
from processing_emulator.domain.staging import StoredObject


def bundle(client: EmulatorClient, name: str, path: Path, *, with_data: bool, overwrite: bool) -> Document:
    """Write the bundle of a job that has ended; what went into it. Raises ServerFault, BundleFault."""
    check_free(path, overwrite=overwrite)
    job = client.job(name)
    if job["status"] not in ENDED:
        raise ServerFault(f"{job['name']} has not ended; a bundle is made of a job that has")
    name = job["name"]
    request = client.get(f"jobs/{name}/request", account=client.account, region=client.region)
    began = run_of(job).started_at
    with service_errors(client):
        s3, sagemaker = client.aws("s3"), client.aws("sagemaker")
        described = sagemaker.describe_processing_job(ProcessingJobName=name)
        inputs = list_inputs(s3, request)
        outputs = list_outputs(s3, request, began)
    objects = distinct_objects(inputs) if with_data else []
    hosts = [instance["host"] for instance in job["instances"]]
    try:
        with BundleWriter(path, overwrite=overwrite) as writer:
            writer.document("manifest", _manifest(client, name, has_data=with_data))
            writer.document("request", request)
            writer.document("describe", {key: each for key, each in described.items() if key != "ResponseMetadata"})
            writer.document("job", job)
            writer.document("inputs", listing_documents(inputs))
            writer.document("outputs", listing_documents(outputs))
            for host in hosts:
                where = {"account": client.account, "region": client.region, "host": host}
                writer.document(f"samples/{host}", client.get(f"jobs/{name}/usage", **where))
                lines = client.lines(f"jobs/{name}/logs", **where, follow="true")
                writer.stream(f"logs/{host}.ndjson", (json.dumps(line).encode() + b"\n" for line in lines))
            for number, each in enumerate(objects):
                _write_data(client, writer, number, each)
    except OSError as error:
        raise BundleFault(f"{path} cannot be written: {error.strerror or error}") from error
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "inputs": sum(len(each.objects) for each in inputs),
        "outputs": sum(len(each.objects) for each in outputs),
        "dataBytes": sum(each.size_bytes for each in objects),
        "notes": [*_notes(inputs), *_notes(outputs), *changed_since(began, inputs)],
    }


def _manifest(client: EmulatorClient, name: str, *, has_data: bool) -> Document:
    return {
        "format": FORMAT,
        "version": VERSION,
        "job": name,
        "account": client.account,
        "region": client.region,
        "createdAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "emulator": __version__,
        "hasData": has_data,
    }


def _write_data(client: EmulatorClient, writer: BundleWriter, number: int, each: StoredObject) -> None:
    """The version that was listed, or none."""
    uri = f"s3://{each.bucket}/{each.key}"
    with service_errors(client):
        found = client.aws("s3").get_object(
            Bucket=each.bucket, Key=each.key, **({"IfMatch": f'"{each.etag}"'} if each.etag else {})
        )
        size = writer.stream(f"data/{number}", _chunks(found["Body"]))
    if size != each.size_bytes:
        raise ServerFault(f"{uri} has changed while the bundle was written; try again")


def _chunks(body: Any) -> Iterator[bytes]:
    with body:
        yield from body.iter_chunks(CHUNK_BYTES)


def _notes(listings: Sequence[Listing]) -> list[str]:
    return [f"{each.what}: {each.note}" for each in listings if each.note]


def changed_since(began: datetime | None, inputs: Sequence[Listing]) -> list[str]:
    """Inputs that the job cannot have seen as they are now."""
    if began is None:
        return []
    late = [
        f"s3://{each.bucket}/{each.key}"
        for listing in inputs
        for each in listing.objects
        if each.modified_at is not None and each.modified_at > began + timedelta(seconds=1)
    ]
    shown = ", ".join(late[:3]) + (f" and {len(late) - 3} more" if len(late) > 3 else "")
    return [f"changed since the job began: {shown}"] if late else []
