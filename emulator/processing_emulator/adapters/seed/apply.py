"""Applies a seed to an S3 store. Existing buckets and objects are left alone, unless the seed says `overwrite`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from processing_emulator.adapters.seed.client import S3Access, connected, error_of, translated
from processing_emulator.adapters.seed.plan import SeedObject, SeedPlan
from processing_emulator.domain.bucket_place import bucket_place
from processing_emulator.errors import Cancelled
from processing_emulator.ports import CancelToken

_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """What was created, and how many objects existed already."""

    buckets: int = 0
    objects: int = 0
    kept: int = 0


def apply_seed(plan: SeedPlan, access: S3Access, cancel: CancelToken) -> SeedResult:
    """Create buckets, then objects; large files in parts.

    Raises ObjectStoreRefused, ObjectStoreUnreachable, StagingFailure when a file cannot be read; Cancelled.
    """
    if not plan.buckets:
        return SeedResult()
    with connected(access) as client:
        made = {bucket for bucket in plan.buckets if _make_bucket(client, bucket, access.region)}

        def put(item: SeedObject) -> bool:
            if cancel.is_set():
                raise Cancelled("the seed was cancelled")
            with translated(access.endpoint, f"s3://{item.bucket}/{item.key}"):
                is_wanted = item.bucket in made or item.overwrite or not _exists(client, item)
                if is_wanted:
                    _put(client, item)
            return is_wanted

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="seed") as pool:
            stored = list(pool.map(put, plan.objects))
    return SeedResult(buckets=len(made), objects=sum(stored), kept=len(stored) - sum(stored))


def _make_bucket(client: Any, bucket: str, region: str) -> bool:
    """False when it was there."""
    from botocore.exceptions import ClientError

    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_of(error)[1] != 404:
            raise
    else:
        return False
    client.create_bucket(Bucket=bucket, **bucket_place(region))
    return True


def _exists(client: Any, item: SeedObject) -> bool:
    from botocore.exceptions import ClientError

    try:
        client.head_object(Bucket=item.bucket, Key=item.key)
    except ClientError as error:
        if error_of(error)[1] != 404:
            raise
        return False
    return True


def _put(client: Any, item: SeedObject) -> None:
    extra: dict[str, Any] = {"Metadata": dict(item.metadata)} if item.metadata else {}
    if item.content_type is not None:
        extra["ContentType"] = item.content_type
    # Not upload_file, which wraps the store's error and hides its code.
    with BytesIO(item.source) if isinstance(item.source, bytes) else item.source.open("rb") as content:
        client.upload_fileobj(content, item.bucket, item.key, ExtraArgs=extra)
