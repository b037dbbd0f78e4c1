"""The seed file: what may stand in it, and the plan it comes to."""

import base64
import binascii
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from processing_emulator.adapters.seed.folder import objects_below
from processing_emulator.adapters.seed.plan import SeedObject, SeedPlan, bucket_fault, check_unique, key_fault
from processing_emulator.domain.datasets import CatalogueTable, TableFormat
from processing_emulator.domain.s3_uri import parse_s3_uri
from processing_emulator.errors import StartFailure


def _ruled_by(fault_of: Callable[[str], str | None]) -> AfterValidator:
    def check(value: str) -> str:
        fault = fault_of(value)
        if fault is not None:
            raise ValueError(fault)
        return value

    return AfterValidator(check)


_HeaderName = Annotated[str, Field(pattern=r"^[!#-'*+.0-9A-Z^_`a-z|~-]+$")]
_HeaderText = Annotated[str, Field(pattern=r"^[ -~]*$")]
"""Content type and metadata travel as headers."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ObjectEntry(_Strict):
    """One object, from exactly one of `text`, `base64` and `file` (relative to the seed file)."""

    key: Annotated[str, _ruled_by(key_fault)]
    text: str | None = None
    base64: str | None = None
    file: str | None = None
    content_type: _HeaderText | None = None
    metadata: Mapping[_HeaderName, _HeaderText] = Field(default_factory=dict)
    overwrite: bool = False

    @model_validator(mode="after")
    def _has_one_source(self) -> "ObjectEntry":
        if sum(source is not None for source in (self.text, self.base64, self.file)) != 1:
            raise ValueError("exactly one of text, base64 and file is needed")
        return self


class FolderEntry(_Strict):
    """All files below a folder (relative to the seed file), their keys behind `prefix`."""

    path: str
    prefix: str = ""
    overwrite: bool = False


class BucketEntry(_Strict):
    """One bucket and what is in it."""

    name: Annotated[str, _ruled_by(bucket_fault)]
    objects: list[ObjectEntry] = Field(default_factory=list)
    folders: list[FolderEntry] = Field(default_factory=list)


class TableEntry(_Strict):
    """A table of the catalogue: all objects below `location`. `delimiter` and `header` are those of CSV."""

    database: Annotated[str, Field(min_length=1, max_length=255)]
    table: Annotated[str, Field(min_length=1, max_length=255)]
    location: Annotated[str, Field(pattern=r"^s3://[^/]+(/.*)?$")]
    format: TableFormat = Field(strict=False)
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    header: bool = True


class SeedDocument(_Strict):
    """A whole seed file."""

    buckets: list[BucketEntry]
    catalogue: list[TableEntry] = Field(default_factory=list)


def plan_of_file(path: Path) -> SeedPlan:
    """Raises StartFailure naming the file, the place in it and the rule that is broken."""
    try:
        document = SeedDocument.model_validate(_parsed(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the file"
        raise StartFailure(f"seed {path}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
    objects = [item for bucket in document.buckets for item in _objects(bucket, path)]
    check_unique(objects, path)
    buckets = dict.fromkeys(bucket.name for bucket in document.buckets)
    return SeedPlan(buckets=tuple(buckets), objects=tuple(objects), tables=_tables(document, path))


def _tables(document: SeedDocument, seed: Path) -> tuple[CatalogueTable, ...]:
    tables = tuple(
        CatalogueTable(
            database=entry.database,
            name=entry.table,
            uri=parse_s3_uri(entry.location),
            format=entry.format,
            delimiter=entry.delimiter,
            header=entry.header,
        )
        for entry in document.catalogue
    )
    names = [(table.database.lower(), table.name.lower()) for table in tables]
    for table, name in zip(tables, names, strict=True):
        if names.count(name) > 1:
            raise StartFailure(f"seed {seed}: table {table.database}.{table.name} is there twice; leave one out")
    return tables


def _parsed(path: Path) -> Any:
    try:
        content = path.read_text(encoding="utf-8")
        match path.suffix:
            case ".json":
                return json.loads(content)
            case ".toml":
                return tomllib.loads(content)
            case ".yaml" | ".yml":
                return _parsed_yaml(content, path)
            case _:
                raise StartFailure(
                    f"seed {path} is neither a folder nor a file that ends with .json, .toml, .yaml or .yml"
                )
    except OSError as error:
        raise StartFailure(f"seed {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StartFailure(f"seed {path} is not {path.suffix[1:].upper()}: {error}") from error


def _parsed_yaml(content: str, path: Path) -> Any:
    import yaml  # for those who use it alone

    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise StartFailure(f"seed {path} is not YAML: {' '.join(str(error).split())}") from error


def _objects(bucket: BucketEntry, seed: Path) -> Iterator[SeedObject]:
    for number, entry in enumerate(bucket.objects):
        yield SeedObject(
            bucket=bucket.name,
            key=entry.key,
            source=_source(entry, seed, f"bucket {bucket.name}, objects.{number}"),
            content_type=entry.content_type,
            metadata=entry.metadata,
            overwrite=entry.overwrite,
        )
    for folder in bucket.folders:
        path = seed.parent / folder.path
        if not path.is_dir():
            raise StartFailure(f"seed {seed}: bucket {bucket.name}: {path} is no folder")
        yield from objects_below(path, bucket.name, folder.prefix, seed=seed, within=path, overwrite=folder.overwrite)


def _source(entry: ObjectEntry, seed: Path, where: str) -> Path | bytes:
    if entry.text is not None:
        return entry.text.encode(errors="surrogatepass")
    if entry.base64 is not None:
        try:
            return base64.b64decode("".join(entry.base64.split()), validate=True)
        except binascii.Error as error:
            raise StartFailure(f"seed {seed}: {where}: base64 cannot be decoded: {error}") from error
    path = seed.parent / (entry.file or "")
    if not path.is_file():
        raise StartFailure(f"seed {seed}: {where}: {path} is no file")
    return path
