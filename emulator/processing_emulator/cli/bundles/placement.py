"""Puts objects and buckets where a job expects them, and never over an object that differs unless that is wanted."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import click

from processing_emulator.cli.bundles.comparison import has_same_content
from processing_emulator.cli.formatting import counted
from processing_emulator.domain.bucket_place import bucket_place
from processing_emulator.domain.staging import StoredObject

ONE_PUT_BYTES = 5 * 1024**3
"""The most that S3 takes at once."""

MEMORY_BYTES = 8 * 1024**2

MOST_SHOWN = 10
"""Sentences on single objects."""


Say = Callable[[str], None]
"""Prints a line beside the result, at once."""


class Content(Protocol):
    """Opens the bytes of an object."""

    def __call__(self) -> AbstractContextManager[IO[bytes]]:
        """To be read once."""
        ...


@dataclass(slots=True)
class Placed:
    """What became of each object, which buckets are new, and into which objects were uploaded."""

    buckets: list[str] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)
    uploaded: int = 0
    same: int = 0
    kept: list[str] = field(default_factory=list)
    """Sentences on objects that are there, are not known to be as wanted, and were left alone."""

    def sentences(self) -> Iterator[str]:
        """For people."""
        for bucket in self.buckets:
            yield f"created the bucket {bucket}"
        if self.uploaded or self.same:
            where = f" to {', '.join(sorted(self.filled))}" if self.filled else ""
            yield f"uploaded {counted(self.uploaded, 'object')}{where}, found {self.same} as wanted"
        yield from self.kept[:MOST_SHOWN]
        if len(self.kept) > MOST_SHOWN:
            yield f"left {len(self.kept) - MOST_SHOWN} more alone"


def make_buckets(s3: Any, region: str, wanted: Iterable[str], placed: Placed) -> None:
    """Create the buckets that are missing. Raises botocore's errors."""
    for bucket in sorted(set(wanted)):
        if not _has_bucket(s3, bucket):
            s3.create_bucket(Bucket=bucket, **bucket_place(region))
            placed.buckets.append(bucket)


def _has_bucket(s3: Any, bucket: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        raise
    return True


def place(s3: Any, wanted: StoredObject, content: Content, placed: Placed, *, overwrite: bool) -> None:
    """Upload one object unless it is there; one that differs, or may differ, only with `overwrite`.

    Raises botocore's errors, and what `content` raises.
    """
    present = _present(s3, wanted)
    is_same = None if present is None else has_same_content(wanted, present)
    if is_same:
        placed.same += 1
    elif present is not None and not overwrite:
        why = "differs" if is_same is False else "may differ"
        uri = f"s3://{wanted.bucket}/{wanted.key}"
        placed.kept.append(f"left {uri} alone: it is there and {why}; --overwrite replaces it")
    else:
        with content() as stream:
            _upload(s3, wanted, stream)
        placed.uploaded += 1
        placed.filled.add(wanted.bucket)


def _present(s3: Any, wanted: StoredObject) -> StoredObject | None:
    from botocore.exceptions import ClientError

    try:
        found = s3.head_object(Bucket=wanted.bucket, Key=wanted.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return None
        raise
    return StoredObject(
        bucket=wanted.bucket, key=wanted.key, size_bytes=found["ContentLength"], etag=found["ETag"].strip('"')
    )


def _upload(s3: Any, wanted: StoredObject, stream: IO[bytes]) -> None:
    """As the original was, so that its ETag is the same: at once, or in parts of the size of boto3 and the AWS CLI.

    One part is in memory at a time; what goes at once waits in a temporary file if it is over MEMORY_BYTES.
    """
    from boto3.s3.transfer import TransferConfig

    if "-" in wanted.etag or wanted.size_bytes > ONE_PUT_BYTES:
        s3.upload_fileobj(stream, wanted.bucket, wanted.key, Config=TransferConfig(use_threads=False))
        return
    with tempfile.SpooledTemporaryFile(MEMORY_BYTES) as whole:
        try:
            shutil.copyfileobj(stream, whole)
            whole.seek(0)
        except OSError as error:
            uri = f"s3://{wanted.bucket}/{wanted.key}"
            raise click.ClickException(
                f"{uri} cannot be copied to a temporary file: {error}; TMPDIR names another folder for it"
            ) from error
        s3.put_object(Bucket=wanted.bucket, Key=wanted.key, Body=whole)
