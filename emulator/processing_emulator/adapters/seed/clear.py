"""Removes every bucket that the keys can see from an S3 store, with all versions and unfinished uploads."""

from typing import Any

from processing_emulator.adapters.seed.client import S3Access, connected
from processing_emulator.errors import ObjectStoreRefused


def empty_store(access: S3Access) -> list[str]:
    """The names of the buckets removed. Raises ObjectStoreRefused, ObjectStoreUnreachable."""
    with connected(access) as client:
        names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        for name in names:
            _empty(client, name)
            client.delete_bucket(Bucket=name)
        return names


def _empty(client: Any, bucket: str) -> None:
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        doomed = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for kind in ("Versions", "DeleteMarkers")
            for item in page.get(kind, ())
        ]
        if doomed:
            answer = client.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
            if answer.get("Errors"):
                raise _refused(bucket, answer["Errors"][0])
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", ()):
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _refused(bucket: str, error: Any) -> ObjectStoreRefused:
    """An object that stays is named."""
    code = str(error.get("Code", "Unknown"))
    message = f"s3://{bucket}/{error.get('Key')} cannot be deleted: {code}: {error.get('Message', '')}"
    return ObjectStoreRefused(message, code=code, status=409)
