"""Runs a bundled job on another emulator and says what differs, as a client of the API."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from processing_emulator.cli.bundles.archive import BundleFault, BundleReader, distinct_objects
from processing_emulator.cli.bundles.comparison import (
    Difference,
    input_differences,
    measures,
    output_differences,
    run_differences,
)
from processing_emulator.cli.bundles.create_requests import Request, checked_request, job_name_for, with_outputs_below
from processing_emulator.cli.bundles.listings import (
    Listing,
    Place,
    input_places,
    list_inputs,
    list_outputs,
    output_places,
    written_buckets,
)
from processing_emulator.cli.bundles.placement import MOST_SHOWN, Placed, Say, make_buckets, place
from processing_emulator.cli.bundles.runs import run_of
from processing_emulator.cli.emulator_client import Document, EmulatorClient, service_errors
from processing_emulator.domain.manifest import MANIFEST_LIMIT_BYTES, parse_manifest
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.domain.staging import StoredObject
from processing_emulator.errors import EmulatorError

Wait = Callable[[str], Document]
"""Follows a job to its end; its document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What the command line says."""

    name: str | None
    overwrite: bool
    keep_outputs: bool
    dry_run: bool
    most_data_bytes: int


@dataclass(slots=True, kw_only=True)
class Replay:
    """What came of it. `inputs` were found before the run; `run` are differences of the run itself."""

    name: str
    replay_of: str
    has_run: bool = False
    inputs: list[Difference] = field(default_factory=list)
    run: list[Difference] = field(default_factory=list)
    measured: list[Difference] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        """Whether nothing differs that should not."""
        return not self.inputs and not self.run

    def document(self) -> Document:
        """As JSON."""

        def rows(found: Sequence[Difference]) -> list[Document]:
            return [{"what": each.what, "before": each.before, "now": each.now} for each in found]

        return {
            "job": self.name,
            "replayOf": self.replay_of,
            "hasRun": self.has_run,
            "same": self.is_same,
            "differences": rows([*self.inputs, *self.run]),
            "measured": rows(self.measured),
        }


def replay(client: EmulatorClient, bundle: BundleReader, options: ReplayOptions, say: Say, wait: Wait) -> Replay:
    """Upload, compare the inputs, run, compare the rest. Raises ClickException of several kinds."""
    before = run_of(bundle.document("job"))
    original = checked_request(bundle.document("request"))
    inputs, outputs = bundle.listings("inputs"), bundle.listings("outputs")
    _check_lists(input_places(original), inputs)
    _check_lists(output_places(original), outputs)
    _check_inputs(bundle, input_places(original), inputs)
    with service_errors(client):
        name = options.name or job_name_for(client.aws("sagemaker"), original["ProcessingJobName"])
        request = {**original, "ProcessingJobName": name}
        if not options.keep_outputs:
            request = with_outputs_below(request, name)
        if not options.dry_run:
            _prepare(client, bundle, inputs, request, options, say)
        now = list_inputs(client.aws("s3"), original)
    result = Replay(name=name, replay_of=original["ProcessingJobName"], inputs=input_differences(inputs, now))
    _tell_inputs(result, now, say)
    if options.dry_run:
        return result
    with service_errors(client):
        client.aws("sagemaker").create_processing_job(**request)
    say(f"replays {result.replay_of} as {name} in {client.region}")
    after = run_of(wait(name))
    result.has_run = True
    began = after.started_at if options.keep_outputs else None  # what is below replays/NAME/ is this job's
    result.run = run_differences(before, after) + _outputs(client, original, outputs, request, began)
    result.measured = measures(before, after)
    return result


def _check_lists(places: Sequence[Place], listings: Sequence[Listing]) -> None:
    """Whether the bundle lists what its own request names. Raises BundleFault."""
    if [each.what for each in places] != [each.what for each in listings]:
        raise BundleFault("the bundle lists other inputs or outputs than its request has")


def _check_inputs(bundle: BundleReader, places: Sequence[Place], listings: Sequence[Listing]) -> None:
    """Whether the request names each object that may be uploaded. Raises BundleFault."""
    numbers = {(each.bucket, each.key): number for number, each in enumerate(distinct_objects(listings))}
    for where, listing in zip(places, listings, strict=True):
        is_named = _naming(bundle, where, numbers)
        for each in listing.objects:
            if not is_named(each):
                uri = f"s3://{each.bucket}/{each.key}"
                raise BundleFault(f"the bundle lists {uri}, which the {where.what} of its request does not name")


def _naming(
    bundle: BundleReader, where: Place, numbers: Mapping[tuple[str, str], int]
) -> Callable[[StoredObject], bool]:
    """Whether an object is one of this input. The keys of a manifest are known only with its data."""
    uri = where.uri
    if uri is None:
        return lambda _: False
    if not where.is_manifest:
        return lambda each: each.bucket == uri.bucket and each.key.startswith(uri.key)
    if not bundle.manifest.has_data:
        return lambda _: True  # nothing is uploaded
    number = numbers.get((uri.bucket, uri.key))
    named = set() if number is None else _of_manifest(bundle, number, uri)
    return lambda each: (each.bucket, each.key) in named


def _of_manifest(bundle: BundleReader, number: int, uri: S3Uri) -> set[tuple[str, str]]:
    """Bucket and key of a manifest, and of all that it lists."""
    with bundle.data(number) as stream:
        content = stream.read(MANIFEST_LIMIT_BYTES)
    try:
        manifest = parse_manifest(content, uri)
    except EmulatorError as error:
        raise BundleFault(str(error)) from error
    return {(uri.bucket, uri.key), *((manifest.bucket, key) for key in manifest.paths)}


def _prepare(
    client: EmulatorClient,
    bundle: BundleReader,
    inputs: Sequence[Listing],
    request: Request,
    options: ReplayOptions,
    say: Say,
) -> None:
    """The buckets of outputs and of bundled data, and the data."""
    objects = distinct_objects(inputs) if bundle.manifest.has_data else []
    bundle.check_data(objects, options.most_data_bytes)
    placed, s3 = Placed(), client.aws("s3")
    make_buckets(s3, client.region, written_buckets(request) | {each.bucket for each in objects}, placed)
    for number, each in enumerate(objects):
        place(s3, each, functools.partial(bundle.data, number), placed, overwrite=options.overwrite)
    for sentence in placed.sentences():
        say(sentence)


def _tell_inputs(result: Replay, now: Sequence[Listing], say: Say) -> None:
    for listing in now:
        if listing.note:
            say(f"{listing.what}: {listing.note}")
    for each in result.inputs[:MOST_SHOWN]:
        say(f"before the run, {each.what} differs: it was {each.before}, it is {each.now}")
    if len(result.inputs) > MOST_SHOWN:
        say(f"before the run, {len(result.inputs) - MOST_SHOWN} more input objects differ")
    if not result.inputs:
        say("before the run, the inputs are as they were")


def _outputs(
    client: EmulatorClient, original: Request, before: Sequence[Listing], request: Request, began: datetime | None
) -> list[Difference]:
    with service_errors(client):
        now = list_outputs(client.aws("s3"), request, began)
    listed = zip(output_places(original), before, strict=True)
    return output_differences(list(listed), list(zip(output_places(request), now, strict=True)))
