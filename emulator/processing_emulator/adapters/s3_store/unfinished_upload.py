"""Aborts a multipart upload that will not be completed, also one whose id was never learnt."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from http.client import HTTPResponse

from processing_emulator.adapters.s3_store.connection import Connection, Request
from processing_emulator.adapters.s3_store.listing import parsed_document
from processing_emulator.adapters.s3_store.multipart_journal import BegunUpload, JournalEntry
from processing_emulator.errors import ObjectStoreRefused

NO_SUCH_UPLOAD = "NoSuchUpload"

_GONE = frozenset({NO_SUCH_UPLOAD, "NoSuchBucket", "NoSuchKey"})

CLOCK_SKEW = timedelta(seconds=5)
"""An upload whose id is not known is one of its key that the store dates at most this much before its beginning."""


def abort_upload(entry: JournalEntry, connection: Connection) -> None:
    """Make the store delete the parts. An upload that is not there was aborted or completed before."""
    upload = entry.upload
    try:
        for upload_id in _ids_of(upload, connection):
            connection.request(_request("AbortMultipartUpload", "DELETE", upload, [("uploadId", upload_id)]), _read_all)
    except ObjectStoreRefused as error:
        if error.code not in _GONE:
            raise
    entry.over()


def _ids_of(upload: BegunUpload, connection: Connection) -> Sequence[str]:
    if upload.upload_id is not None:
        return [upload.upload_id]
    query = [("uploads", ""), ("prefix", upload.key)]
    request = Request(
        operation="ListMultipartUploads",
        about=f"s3://{upload.bucket}/{upload.key}",
        method="GET",
        bucket=upload.bucket,
        query=query,
    )
    return list(connection.request(request, lambda response: list(_matching(upload, response.read()))))


def _matching(upload: BegunUpload, listing: bytes) -> Iterator[str]:
    """Their keys are not requested URL-encoded: SeaweedFS says that it encodes them, and does not."""
    for found in parsed_document(listing).iter("Upload"):
        upload_id = found.findtext("UploadId")
        if (
            upload_id
            and found.findtext("Key") == upload.key
            and _was_begun_since(found.findtext("Initiated", ""), upload.began_at)
        ):
            yield upload_id


def _was_begun_since(initiated: str, began_at: datetime) -> bool:
    try:
        return datetime.fromisoformat(initiated) >= began_at - CLOCK_SKEW
    except (ValueError, TypeError):
        return False


def _request(operation: str, method: str, upload: BegunUpload, query: Sequence[tuple[str, str]]) -> Request:
    return Request(
        operation=operation,
        about=f"s3://{upload.bucket}/{upload.key}",
        method=method,
        bucket=upload.bucket,
        key=upload.key,
        query=query,
    )


def _read_all(response: HTTPResponse) -> None:
    response.read()
