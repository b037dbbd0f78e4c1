"""The objects of a job's inputs and outputs, as far as they are shown: names, sizes, and the beginning of one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from processing_emulator.admin.dashboard.deadline import Deadline
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.domain.spec import S3Prefix, spec_of
from processing_emulator.domain.staging import StoredObject, relative_path
from processing_emulator.errors import EmulatorError
from processing_emulator.ports import ObjectStore

MOST_OBJECTS = 100
"""Listed of each input and output."""

PATIENCE_SECONDS = 5.0


class Direction(StrEnum):
    """Which of a job's files."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One input or output. `number` counts those of the same direction; `is_one_object`: a manifest, not a prefix."""

    direction: Direction
    number: int
    name: str
    uri: S3Uri
    local_path: str
    is_one_object: bool = False

    def holds(self, key: str) -> bool:
        """Whether an object belongs to it."""
        return key == self.uri.key if self.is_one_object else key.startswith(self.uri.key)

    def relative(self, key: str) -> str:
        """The path of an object below the LocalPath; its whole key where it has none."""
        return relative_path(key, self.uri.key) or key


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The first objects of a folder, or the sentence of why there are none to show."""

    folder: Folder
    objects: Sequence[StoredObject] = ()
    has_more: bool = False
    error: str | None = None

    @property
    def size_bytes(self) -> int:
        """Of those listed."""
        return sum(each.size_bytes for each in self.objects)


def folders_of(job: ProcessingJob) -> list[Folder]:
    """All inputs and outputs that the emulator stages. Raises Unsupported."""
    return list(_folders(job))


def _folders(job: ProcessingJob) -> Iterator[Folder]:
    spec = spec_of(job.request)
    for number, each in enumerate(spec.inputs):
        yield Folder(
            direction=Direction.INPUT,
            number=number,
            name=each.name,
            uri=each.source.uri,
            local_path=each.local_path,
            is_one_object=not isinstance(each.source, S3Prefix),
        )
    for number, output in enumerate(spec.outputs):
        key = output.uri.key.rstrip("/")
        uri = S3Uri(output.uri.bucket, f"{key}/" if key else "")
        yield Folder(direction=Direction.OUTPUT, number=number, name=output.name, uri=uri, local_path=output.local_path)


def listing_of(store: ObjectStore, folder: Folder) -> Listing:
    """The first objects of a folder."""
    cancel = Deadline(PATIENCE_SECONDS)
    try:
        if folder.is_one_object:
            return Listing(folder=folder, objects=[store.head(folder.uri.bucket, folder.uri.key, cancel)])
        found = list(islice(store.iter_objects(folder.uri.bucket, folder.uri.key, cancel), MOST_OBJECTS + 1))
    except EmulatorError as error:
        return Listing(folder=folder, error=str(error) or "The S3 store did not answer in time.")
    return Listing(folder=folder, objects=found[:MOST_OBJECTS], has_more=len(found) > MOST_OBJECTS)


def beginning_of(store: ObjectStore, bucket: str, key: str, most_bytes: int) -> tuple[StoredObject, bytes]:
    """An object and its first bytes. Raises EmulatorError."""
    cancel = Deadline(PATIENCE_SECONDS)
    found = store.head(bucket, key, cancel)
    content = bytearray()
    if found.size_bytes:
        with store.open_stream(found, cancel) as chunks:
            for chunk in chunks:
                content += chunk
                if len(content) >= most_bytes:
                    break
    return found, bytes(content[:most_bytes])
