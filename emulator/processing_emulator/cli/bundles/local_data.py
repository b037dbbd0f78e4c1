"""Objects that lie in a local folder as they lie in S3: a folder for each bucket, in it the keys as paths."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from processing_emulator.cli.bundles.listings import Place
from processing_emulator.domain.manifest import MANIFEST_LIMIT_BYTES, parse_manifest
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.domain.staging import StoredObject
from processing_emulator.errors import EmulatorError


class LocalObject(NamedTuple):
    """A file, and the object that it is to become."""

    path: Path
    wanted: StoredObject


def local_objects(folder: Path, place: Place, bucket: str) -> Iterator[LocalObject]:
    """The files of one input; `bucket` is what its bucket is called here. Raises ClickException."""
    if place.uri is None:
        return
    root = folder / place.uri.bucket
    keys = _listed(root, place.uri) if place.is_manifest else None
    for path in sorted(each for each in root.rglob("*") if each.is_file()):
        key = path.relative_to(root).as_posix()
        if key.startswith(place.uri.key) if keys is None else key in keys:
            yield LocalObject(path, _wanted(path, bucket, key))


def _listed(root: Path, uri: S3Uri) -> set[str]:
    """A manifest and the keys in it; nothing if the manifest is not in the folder."""
    path = root / uri.key
    if not path.is_file():
        return set()
    with path.open("rb") as file:
        content = file.read(MANIFEST_LIMIT_BYTES)
    try:
        return {uri.key, *parse_manifest(content, uri).paths}
    except EmulatorError as error:
        raise click.ClickException(str(error)) from error


def _wanted(path: Path, bucket: str, key: str) -> StoredObject:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return StoredObject(bucket=bucket, key=key, size_bytes=path.stat().st_size, etag=digest.hexdigest())
