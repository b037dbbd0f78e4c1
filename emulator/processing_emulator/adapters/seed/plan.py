"""What a seed comes to: buckets and objects, each with where its bytes come from."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from processing_emulator.domain.datasets import CatalogueTable
from processing_emulator.errors import StartFailure

KEY_LIMIT_BYTES = 1024

_BUCKET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedObject:
    """One object. `source` is a file on this machine, or the bytes themselves."""

    bucket: str
    key: str
    source: Path | bytes
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPlan:
    """Everything to create, and the tables that queries may name. `notes` are sentences for the author of the seed."""

    buckets: tuple[str, ...] = ()
    objects: tuple[SeedObject, ...] = ()
    tables: tuple[CatalogueTable, ...] = ()
    notes: tuple[str, ...] = ()


def bucket_fault(name: str) -> str | None:
    """Why a name cannot be a bucket's; None when it can."""
    if not _BUCKET_NAME.fullmatch(name) or ".." in name:
        return (
            f"{name!r} cannot be the name of a bucket: 3 to 63 lower-case letters, digits, hyphens and single dots, "
            "beginning and ending with a letter or digit"
        )
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return None
    return f"{name!r} cannot be the name of a bucket: it is formed like an IP address"


def key_fault(key: str) -> str | None:
    """Why a text cannot be an object's key; None when it can."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return f"{key.encode(errors='replace').decode()!r} cannot be a key: it is not UTF-8"
    if not 1 <= size <= KEY_LIMIT_BYTES:
        return f"{key[:64]!r} cannot be a key: it has {size} bytes, and 1 to {KEY_LIMIT_BYTES} are possible"
    return None


def check_unique(objects: Iterable[SeedObject], seed: Path) -> None:
    """Raises StartFailure when two objects have the same place."""
    seen: set[tuple[str, str]] = set()
    for item in objects:
        place = (item.bucket, item.key)
        if place in seen:
            raise StartFailure(f"seed {seed}: s3://{item.bucket}/{item.key} is there twice; leave one out")
        seen.add(place)
