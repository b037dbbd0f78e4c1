"""The format of a bundle: a zip file with a manifest, which is written and read as a stream.

A bundle may come from anybody, so its reader takes known names only, makes no path of them, checks sizes before it
reads, and answers everything else with a sentence. docs/bundles.md lists the members.
"""

import io
import json
import os
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Self

import click
from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter, ValidationError

from processing_emulator.cli.bundles.listings import MOST_OBJECTS, Listing
from processing_emulator.domain.staging import KEY_LIMIT_BYTES, StoredObject

FORMAT = "processing-emulator bundle"
VERSION = 1
"""Of the format; a reader takes no other."""

KIB, MIB = 1024, 1024**2

DOCUMENT_LIMITS: Mapping[str, int] = {
    "manifest": 64 * KIB,
    "request": MIB,
    "describe": MIB,
    "job": 8 * MIB,
    "inputs": 16 * MIB,
    "outputs": 16 * MIB,
}
"""The most bytes of each JSON document that is read: parsed, JSON takes up to some 40 times its size in memory.

A list of 16 MiB has some 90,000 objects.
"""

CHUNK_BYTES = MIB
_MOST_MEMBERS = MOST_OBJECTS + 1000
_NAMES = re.compile(
    rf"(?:{'|'.join(DOCUMENT_LIMITS)})\.json|samples/algo-[1-9][0-9]{{0,2}}\.json"
    r"|logs/algo-[1-9][0-9]{0,2}\.ndjson|data/(?:0|[1-9][0-9]{0,5})"
)


class BundleFault(click.ClickException):
    """A file that is no bundle, or a damaged or hostile one: one sentence, exit code 1."""


class _Strict(BaseModel):
    """A part of a document. Members that a later version adds are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class Manifest(_Strict):
    """What a bundle is."""

    format: str
    version: int
    job: str = Field("", max_length=63)
    account: str = ""
    region: str = Field("", pattern=r"^[a-z0-9-]{0,32}$")
    created_at: str = Field("", alias="createdAt")
    emulator: str = ""
    has_data: bool = Field(False, alias="hasData")


class _ObjectDocument(_Strict):
    bucket: str = Field(min_length=1, max_length=255)
    key: str = Field(min_length=1, max_length=KEY_LIMIT_BYTES)
    size: int = Field(ge=0)
    etag: str = Field("", max_length=255)


class _ListingDocument(_Strict):
    what: str = Field(max_length=1024)
    note: str = Field("", max_length=4096)
    objects: Annotated[list[_ObjectDocument], FailFast()] = Field(max_length=MOST_OBJECTS)


_LISTINGS = TypeAdapter(Annotated[list[_ListingDocument], FailFast(), Field(max_length=100)])
"""Errors fail fast: each takes more than a KiB of memory."""


def listing_documents(listings: Sequence[Listing]) -> list[dict[str, object]]:
    """Listings as JSON."""
    return [
        {
            "what": listing.what,
            "note": listing.note,
            "objects": [
                {"bucket": each.bucket, "key": each.key, "size": each.size_bytes, "etag": each.etag}
                for each in listing.objects
            ],
        }
        for listing in listings
    ]


def distinct_objects(listings: Iterable[Listing]) -> list[StoredObject]:
    """Each object once, in order; its place in this list is the number of its data."""
    return list({(each.bucket, each.key): each for listing in listings for each in listing.objects}.values())


def check_free(path: Path, *, overwrite: bool) -> None:
    """Whether a bundle may take this name. Raises BundleFault."""
    if not overwrite and os.path.lexists(path):
        raise BundleFault(f"{path} is there already; --overwrite replaces it")


class BundleWriter:
    """Writes a bundle to a temporary file next to `path`, which takes its name at the end.

    Only the user may read it. Raises BundleFault, and OSError for what cannot be written.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        check_free(path, overwrite=overwrite)
        self._path, self._overwrite = path, overwrite
        number, name = tempfile.mkstemp(dir=path.parent, prefix=".bundle-")
        self._part = Path(name)
        self._file = os.fdopen(number, "wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._file:
                self._zip.close()
            if kind is None:
                check_free(self._path, overwrite=self._overwrite)
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)

    def document(self, name: str, document: object) -> None:
        """One JSON document. Raises BundleFault for one that no reader takes."""
        content = json.dumps(document, default=str, separators=(",", ":")).encode()
        limit = DOCUMENT_LIMITS.get(name)
        if limit is not None and len(content) > limit:
            raise BundleFault(f"the job is too large for a bundle: {name}.json has {len(content)} bytes, over {limit}")
        self._zip.writestr(f"{name}.json", content)

    def stream(self, name: str, chunks: Iterable[bytes]) -> int:
        """A member of unknown size; how many bytes it has."""
        size = 0
        with self._zip.open(name, "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)
                size += len(chunk)
        return size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Members:
    zip: zipfile.ZipFile
    by_name: Mapping[str, zipfile.ZipInfo]


class BundleReader:
    """An open bundle. All methods raise BundleFault."""

    def __init__(self, path: Path, members: _Members) -> None:
        self._path = path
        self._members = members
        self.manifest = _checked(path, Manifest, self.document("manifest"))
        if self.manifest.format != FORMAT:
            raise BundleFault(f"{path} is not a bundle: its manifest names another format")
        if self.manifest.version != VERSION:
            raise BundleFault(
                f"{path} is a bundle of version {self.manifest.version}; this processing-emulator reads version "
                f"{VERSION}"
            )

    def document(self, name: str) -> Any:
        """A JSON document; `name` is a key of DOCUMENT_LIMITS."""
        member, limit = f"{name}.json", DOCUMENT_LIMITS[name]
        info = self._info(member)
        if info.file_size > limit:
            raise BundleFault(f"{self._path}: {member} has {info.file_size} bytes, over {limit}")
        with self._reading(member), self._members.zip.open(info) as content:
            try:
                return json.loads(content.read(limit + 1))
            except (ValueError, RecursionError) as error:
                raise BundleFault(f"{self._path}: {member} is not JSON: {error}") from error

    def listings(self, name: str) -> list[Listing]:
        """`inputs` or `outputs`."""
        try:
            found = _LISTINGS.validate_python(self.document(name))
        except ValidationError as error:
            raise BundleFault(f"{self._path}: {name}.json: {_first(error)}") from error
        listings = [
            Listing(what=each.what, note=each.note, objects=[_stored(item) for item in each.objects]) for each in found
        ]
        if sum(len(each.objects) for each in listings) > MOST_OBJECTS:
            raise BundleFault(f"{self._path}: {name}.json lists more than {MOST_OBJECTS} objects")
        return listings

    def check_data(self, objects: Sequence[StoredObject], most_bytes: int) -> None:
        """Whether the bundle has the data of all objects, in their sizes, and not more than is wanted."""
        for number, each in enumerate(objects):
            size = self._info(f"data/{number}").file_size
            if size != each.size_bytes:
                raise BundleFault(f"{self._path}: data/{number} has {size} bytes, {each.key} {each.size_bytes}")
        total = sum(each.size_bytes for each in objects)
        if total > most_bytes:
            raise BundleFault(
                f"{self._path} unpacks to {total} bytes of data, more than {most_bytes}; --max-data-gib allows more"
            )

    @contextmanager
    def data(self, number: int) -> Iterator[IO[bytes]]:
        """The content of an object, to be read once from front to back."""
        member = f"data/{number}"
        with self._reading(member):
            content = self._members.zip.open(self._info(member))
        with content:  # what fails outside of a read is no fault of the bundle
            yield io.BufferedReader(_Forward(content, lambda: self._reading(member)), CHUNK_BYTES)

    def _info(self, member: str) -> zipfile.ZipInfo:
        try:
            return self._members.by_name[member]
        except KeyError:
            raise BundleFault(f"{self._path} has no {member}") from None

    @contextmanager
    def _reading(self, member: str) -> Iterator[None]:
        """What zipfile raises for damaged, encrypted or unknown content."""
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise BundleFault(f"{self._path}: {member} cannot be read: {error}") from error


class _Forward(io.RawIOBase):
    """A stream without seek: what uploads it reads it once. A seek would unpack it twice."""

    def __init__(self, inner: IO[bytes], reading: Callable[[], AbstractContextManager[None]]) -> None:
        self._inner, self._reading = inner, reading

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with self._reading():
            content = self._inner.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_bundle(path: Path) -> Iterator[BundleReader]:
    """A bundle that somebody else may have made. Raises BundleFault."""
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BundleFault(f"{path} is not a bundle: {error}") from error
    with opened:
        yield BundleReader(path, _Members(zip=opened, by_name=_known_members(path, opened.infolist())))


def _known_members(path: Path, members: Sequence[zipfile.ZipInfo]) -> Mapping[str, zipfile.ZipInfo]:
    if len(members) > _MOST_MEMBERS:
        raise BundleFault(f"{path} is not a bundle: it has {len(members)} members")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in members:
        if _NAMES.fullmatch(info.filename) is None or stat.S_ISLNK(info.external_attr >> 16):
            raise BundleFault(f"{path} is not a bundle: it has a member {info.filename[:100]!r}")
        if info.filename in found:
            raise BundleFault(f"{path} is not a bundle: it has {info.filename} twice")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleFault(f"{path} is not a bundle: {info.filename} is neither stored nor deflated")
        found[info.filename] = info
    return found


def _checked(path: Path, model: type[Manifest], document: object) -> Manifest:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise BundleFault(f"{path} is not a bundle: manifest.json: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, detail["loc"]))
    return f"{where}: {detail['msg']}" if where else detail["msg"]


def _stored(item: _ObjectDocument) -> StoredObject:
    return StoredObject(bucket=item.bucket, key=item.key, size_bytes=item.size, etag=item.etag)
