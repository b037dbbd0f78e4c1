"""Reads a manifest, the JSON document that names the objects of a ManifestFile input (spec 3.2)."""

import json
from dataclasses import dataclass

from processing_emulator.domain.s3_uri import S3Uri, parse_s3_uri
from processing_emulator.domain.staging import KEY_LIMIT_BYTES, safe_path
from processing_emulator.errors import StagingFailure, Unsupported

MANIFEST_LIMIT_BYTES = 16 * 1024**2
"""The largest manifest that is read; some 200,000 keys."""

_FORM = '[{"prefix": "s3://BUCKET/PREFIX/"}, "SUFFIX", ...]'
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The objects of an input: all in one bucket, and for each key its path below the input's folder."""

    bucket: str
    paths: dict[str, str]


def parse_manifest(content: bytes, uri: S3Uri) -> Manifest:
    """Parse the manifest that lies at `uri`. A key that is listed twice counts once.

    Raises StagingFailure with the number of the wrong element, as a reader of the file counts them: from 1.
    """
    prefix, *suffixes = _elements_of(content, uri)
    bucket = _bucket_of(prefix, uri)
    if not suffixes:
        raise StagingFailure(f"manifest {uri}: it lists no objects after its prefix")
    paths: dict[str, str] = {}
    for number, suffix in enumerate(suffixes, start=2):
        try:
            key = _key_of(prefix, suffix, bucket)
            paths[key] = safe_path(key, suffix)
        except StagingFailure as error:
            raise StagingFailure(f"manifest {uri}: element {number}: {error}") from None
    return Manifest(bucket=bucket, paths=paths)


def _elements_of(content: bytes, uri: S3Uri) -> list[str]:
    """The prefix and the suffixes."""
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise StagingFailure(f"manifest {uri}: it is not UTF-8; its form is {_FORM}") from None
    except (ValueError, RecursionError) as error:
        raise StagingFailure(f"manifest {uri}: it is not JSON ({error}); its form is {_FORM}") from None
    if not isinstance(document, list) or not document:
        raise StagingFailure(f"manifest {uri}: it is not a JSON array with elements; its form is {_FORM}")
    first = document[0]
    if not isinstance(first, dict) or first.keys() != {"prefix"} or not isinstance(first["prefix"], str):
        raise StagingFailure(f'manifest {uri}: its first element must be {{"prefix": "s3://..."}} and nothing else')
    for number, element in enumerate(document[1:], start=2):
        if not isinstance(element, str):
            raise StagingFailure(f"manifest {uri}: element {number} is not a string; its form is {_FORM}")
    return [first["prefix"], *document[1:]]


def _bucket_of(prefix: str, uri: S3Uri) -> str:
    shown = f"manifest {uri}: the prefix {prefix[:_SHOWN]!r}"
    if not prefix.startswith("s3://"):
        raise StagingFailure(f"{shown} is no s3:// URI")
    try:
        return parse_s3_uri(prefix).bucket
    except Unsupported as error:
        raise StagingFailure(f"{shown} cannot be used: {error}") from None


def _key_of(prefix: str, suffix: str, bucket: str) -> str:
    """The key in prefix + suffix, joined as strings, as the service joins them."""
    shown = f"the suffix {suffix[:_SHOWN]!r}"
    if not suffix:
        raise StagingFailure("the suffix is empty")
    if suffix.startswith(("s3://", "https://")):
        raise StagingFailure(f"{shown} is a whole URI; all objects lie below the prefix, in its bucket")
    if suffix.startswith("/") and prefix.endswith("/"):
        raise StagingFailure(f"{shown} is absolute; it must be relative to the prefix")
    found = parse_s3_uri(prefix + suffix)
    if found.bucket != bucket:
        raise StagingFailure(f"{shown} leads to the bucket {found.bucket!r}; the prefix is in {bucket!r}")
    try:
        size = len(found.key.encode())
    except UnicodeEncodeError:
        raise StagingFailure(f"{shown} is not valid Unicode") from None
    if size > KEY_LIMIT_BYTES:
        raise StagingFailure(f"{shown} makes a key longer than {KEY_LIMIT_BYTES} bytes")
    return found.key
