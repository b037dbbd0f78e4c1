"""Puts objects and buckets where a job expects them, and never over an object that differs unless that is wanted."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from processing_emulator.cli.bundles.comparison import has_same_content
from processing_emulator.domain.staging import StoredObject


class Content(Protocol):
    """Opens the bytes of an object."""

    def __call__(self) -> AbstractContextManager[IO[bytes]]:
        """To be read once."""
        ...


@dataclass(slots=True)
class Placed:
    """What became of each object, and which buckets are new."""

    buckets: list[str] = field(default_factory=list)
    uploaded: int = 0
    same: int = 0
    kept: list[str] = field(default_factory=list)
    """URIs of objects that are not as wanted and were left alone."""

    def sentences(self) -> Iterator[str]:
        """For people."""
        for bucket in self.buckets:
            yield f"created the bucket {bucket}"
        if self.uploaded or self.same:
            yield f"uploaded {self.uploaded} objects; {self.same} were there"
        for uri in self.kept[:10]:
            yield f"left {uri} alone: it is there and differs; --overwrite replaces it"
        if len(self.kept) > 10:
            yield f"left {len(self.kept) - 10} more alone"


def make_buckets(s3: Any, region: str, wanted: Iterable[str], placed: Placed) -> None:
    """Create the buckets that are missing. Raises botocore's errors."""
    present = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for bucket in sorted(set(wanted) - present):
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **where)
        placed.buckets.append(bucket)


def place(s3: Any, wanted: StoredObject, content: Content, placed: Placed, *, overwrite: bool) -> None:
    """Upload one object unless it is there; one that differs, or may differ, only with `overwrite`.

    Raises botocore's errors, and what `content` raises.
    """
    present = _present(s3, wanted)
    if present is not None and has_same_content(wanted, present):
        placed.same += 1
    elif present is not None and not overwrite:
        placed.kept.append(f"s3://{wanted.bucket}/{wanted.key}")
    else:
        with content() as stream:
            _upload(s3, wanted, stream)
        placed.uploaded += 1


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
    """In parts of the size that boto3 and the AWS CLI use, one after the other, so that memory stays small."""
    from boto3.s3.transfer import TransferConfig

    s3.upload_fileobj(stream, wanted.bucket, wanted.key, Config=TransferConfig(use_threads=False))
