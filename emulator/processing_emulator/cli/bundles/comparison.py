"""What differs between two runs of a job. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from processing_emulator.cli.bundles.listings import Listing, Place
from processing_emulator.cli.bundles.runs import Run
from processing_emulator.domain.cache_entry import md5_of
from processing_emulator.domain.staging import StoredObject
from processing_emulator.quantities import duration, size

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing, as it was and as it is."""

    what: str
    before: str
    now: str


def has_same_content(one: StoredObject, other: StoredObject) -> bool | None:
    """By size and ETag; None if that cannot be told.

    ETags of uploads in parts depend on the size of the parts, which nobody knows, and others are no digest at all: they
    count only if they are equal.
    """
    if one.size_bytes != other.size_bytes:
        return False
    if one.etag == other.etag:
        return True
    return False if md5_of(one.etag) and md5_of(other.etag) else None


def input_differences(before: Sequence[Listing], now: Sequence[Listing]) -> list[Difference]:
    """Objects that were added, removed or changed, input by input."""
    current = {listing.what: listing for listing in now}
    found: list[Difference] = []
    for listing in before:
        present = current.get(listing.what, Listing(what=listing.what))
        one = {f"s3://{each.bucket}/{each.key}": each for each in listing.objects}
        other = {f"s3://{each.bucket}/{each.key}": each for each in present.objects}
        found += _object_differences(listing.what, one, other)
    return found


def output_differences(
    before: Sequence[tuple[Place, Listing]], now: Sequence[tuple[Place, Listing]]
) -> list[Difference]:
    """The same by the path below each output's prefix, because a replay may write elsewhere."""
    current = {place.what: _by_path(place, listing) for place, listing in now}
    found: list[Difference] = []
    for place, listing in before:
        found += _object_differences(place.what, _by_path(place, listing), current.get(place.what, {}))
    return found


def _by_path(place: Place, listing: Listing) -> dict[str, StoredObject]:
    return {each.key.removeprefix(place.prefix): each for each in listing.objects}


def _object_differences(
    what: str, before: Mapping[str, StoredObject], now: Mapping[str, StoredObject]
) -> Iterator[Difference]:
    for name in sorted({*before, *now}):
        one, other = before.get(name), now.get(name)
        if one is None or other is None or has_same_content(one, other) is False:
            yield Difference(f"{what}: {name}", _shown(one), _shown(other))


def _shown(each: StoredObject | None) -> str:
    return "missing" if each is None else f"{each.size_bytes} bytes, ETag {each.etag or NOTHING}"


@dataclass(frozen=True, slots=True)
class ImageOfRun:
    """The image that ran: its id on the engine, and its digests in registries."""

    id: str
    digests: frozenset[str]

    def is_same(self, other: "ImageOfRun") -> bool:
        """By a digest that both have, else by id."""
        return bool(self.digests & other.digests) or self.id == other.id

    def __str__(self) -> str:
        return " ".join([self.id or NOTHING, *sorted(self.digests)])


def image_of(run: Run) -> ImageOfRun:
    """What the history says of the image; empty if none ran."""
    for event in run.events:
        if event.action == "image_ready":
            digests = event.detail.get("digests")
            known = digests if isinstance(digests, list) else ()
            return ImageOfRun(str(event.detail.get("id", "")), frozenset(map(str, known)))
    return ImageOfRun("", frozenset())


def run_differences(before: Run, now: Run) -> list[Difference]:
    """What ran and how it ended."""
    one, other = image_of(before), image_of(now)
    found = [] if one.is_same(other) else [Difference("image", str(one), str(other))]
    pairs = (
        ("status", before.status, now.status),
        ("FailureReason", before.failure_reason or NOTHING, now.failure_reason or NOTHING),
        ("ExitMessage", before.exit_message or NOTHING, now.exit_message or NOTHING),
        ("exit codes", _exit_codes(before), _exit_codes(now)),
    )
    return found + [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def _exit_codes(run: Run) -> str:
    return " ".join(NOTHING if host.exit_code is None else str(host.exit_code) for host in run.instances) or NOTHING


def measures(before: Run, now: Run) -> list[Difference]:
    """What is never quite the same, for people to look at: time, limits and peaks."""
    one, other = dict(_measured(before)), dict(_measured(now))
    names = list({**one, **other})
    return [Difference(name, one.get(name, NOTHING), other.get(name, NOTHING)) for name in names]


def _measured(run: Run) -> Iterator[tuple[str, str]]:
    yield "run time", duration(run.seconds)
    for each in run.instances:
        limits, peaks = each.limits, each.peaks
        yield f"{each.host}: limits", f"{limits.vcpus:g} vCPUs, {size(limits.memory_bytes)}"
        if peaks.samples:
            yield f"{each.host}: peak CPU", f"{peaks.cpu_percent or 0:.0f} %"
            yield f"{each.host}: peak memory", size(peaks.memory_bytes)
            yield f"{each.host}: peak disk", size(peaks.disk_bytes)
