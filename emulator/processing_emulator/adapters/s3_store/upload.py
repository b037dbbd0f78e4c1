"""Uploads files; large ones by a multipart upload, which is aborted when it cannot be completed."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from http.client import HTTPResponse
from types import MappingProxyType
from typing import TypeAlias
from xml.sax.saxutils import escape

from processing_emulator.adapters.s3_store.connection import Body, Connection, Request
from processing_emulator.adapters.s3_store.digests import combined_etag, content_md5
from processing_emulator.adapters.s3_store.errors import Refusal, element, refusal_of
from processing_emulator.adapters.s3_store.files import BytesBody, FileBody, OpenFile, opened
from processing_emulator.adapters.s3_store.multipart_aborts import Abort
from processing_emulator.adapters.s3_store.multipart_journal import JournalEntry, MultipartJournal
from processing_emulator.adapters.s3_store.object_reader import head_object
from processing_emulator.adapters.s3_store.parts import UPLOAD, Part, iter_parts
from processing_emulator.adapters.s3_store.transfer_pool import Task
from processing_emulator.adapters.s3_store.unfinished_upload import NO_SUCH_UPLOAD, abort_upload
from processing_emulator.errors import ObjectStoreRefused
from processing_emulator.ports import LocalFile, TransferMeter


class Uploads:
    """The files of one upload, and the multipart uploads to abort when it fails."""

    def __init__(self, meter: TransferMeter, journal: MultipartJournal) -> None:
        self._meter = meter
        self._journal = journal
        self._sizes: list[int] = []
        self._begun: list[JournalEntry] = []

    @property
    def size_bytes(self) -> int:
        """Total size of the files at the moment each was opened."""
        return sum(self._sizes)

    def iter_tasks(self, files: Sequence[LocalFile]) -> Iterator[Task]:
        """One task for each file; the task of a large file returns one task for each part."""
        for local in files:
            yield partial(self._send, local)

    def unfinished(self) -> list[Abort]:
        """The aborts of multipart uploads that were not completed. Call it when no task is running any more."""
        return [partial(abort_upload, entry) for entry in self._begun if not entry.is_over]

    def _send(self, local: LocalFile, connection: Connection) -> Sequence[Task]:
        with opened(local) as file:
            return self.send(connection, local, file)

    def send(
        self, connection: Connection, local: LocalFile, file: OpenFile, digests: Sequence[bytes] = ()
    ) -> Sequence[Task]:
        """Upload a file, or begin to; the tasks to finish it.

        With the MD5 sums of its parts, other content is refused: ObjectStoreRefused (BadDigest).
        """
        self._sizes.append(file.size_bytes)
        parts = list(iter_parts(file.size_bytes, UPLOAD))
        headers = [content_md5(digest) for digest in digests] or [{}] * len(parts)
        if len(parts) > 1:
            entry = self._begin(local, connection)
            return _Multipart(local, entry, file, list(zip(parts, headers, strict=True)), self._meter).tasks()
        body = FileBody(file, 0, file.size_bytes)
        connection.request(_request("PutObject", "PUT", local, body=body, headers=headers[0]), _read_all)
        self._meter.add(objects=1, size_bytes=file.size_bytes)
        return ()

    def _begin(self, local: LocalFile, connection: Connection) -> JournalEntry:
        """Create a multipart upload in the store."""
        entry = self._journal.begin(local.bucket, local.key)
        self._begun.append(entry)
        request = _request("CreateMultipartUpload", "POST", local, query=[("uploads", "")], body=BytesBody(b""))
        try:
            entry.created(connection.request(request, _upload_id))
        except ObjectStoreRefused:
            entry.over()
            raise
        return entry


_PartWithHeaders: TypeAlias = tuple[Part, Mapping[str, str]]


class _Multipart:
    """One multipart upload."""

    def __init__(
        self,
        local: LocalFile,
        entry: JournalEntry,
        file: OpenFile,
        parts: Sequence[_PartWithHeaders],
        meter: TransferMeter,
    ) -> None:
        self._local = local
        self._entry = entry
        self._upload_id = entry.upload.upload_id or ""
        self._version = file.version
        self._parts = parts
        self._meter = meter
        self._lock = threading.Lock()
        self._etags: dict[int, str] = {}

    def tasks(self) -> Sequence[Task]:
        """One task for each part; the one that finishes last completes the upload."""
        return [partial(self._send, part, headers) for part, headers in self._parts]

    def _send(self, part: Part, headers: Mapping[str, str], connection: Connection) -> Sequence[Task]:
        query = [("partNumber", str(part.number)), ("uploadId", self._upload_id)]
        with opened(self._local) as file:
            file.check_unchanged(self._version)
            body = FileBody(file, part.offset, part.size_bytes)
            request = _request("UploadPart", "PUT", self._local, query=query, body=body, headers=headers)
            etag = connection.request(request, _part_etag)
        self._meter.add(size_bytes=part.size_bytes)
        with self._lock:
            self._etags[part.number] = etag
            is_last = len(self._etags) == len(self._parts)
        if is_last:
            self._complete(connection)
        return ()

    def _complete(self, connection: Connection) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in sorted(self._etags.items())
        )
        body = BytesBody(f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode())
        query = [("uploadId", self._upload_id)]
        request = _request("CompleteMultipartUpload", "POST", self._local, query=query, body=body)
        try:
            connection.request(request, _check_completed)
        except ObjectStoreRefused as error:
            if error.code != NO_SUCH_UPLOAD or not self._was_completed(connection):
                raise
        self._entry.over()
        self._meter.add(objects=1)

    def _was_completed(self, connection: Connection) -> bool:
        """Whether the object is there: the response to an earlier attempt to complete the upload may have been lost."""
        try:
            found = head_object(connection, self._local.bucket, self._local.key)
        except ObjectStoreRefused:
            return False
        return found.etag == combined_etag([etag for _, etag in sorted(self._etags.items())])


def _request(
    operation: str,
    method: str,
    local: LocalFile,
    *,
    query: Sequence[tuple[str, str]] = (),
    body: Body | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Request:
    return Request(
        operation=operation,
        about=f"s3://{local.bucket}/{local.key}",
        method=method,
        bucket=local.bucket,
        key=local.key,
        query=query,
        headers=headers,
        body=body,
    )


def _read_all(response: HTTPResponse) -> None:
    response.read()


def _upload_id(response: HTTPResponse) -> str:
    upload_id = element(response.read(), "UploadId")
    if not upload_id:
        raise Refusal(status=response.status, code="MalformedXML", message="the response has no UploadId")
    return upload_id


def _part_etag(response: HTTPResponse) -> str:
    response.read()
    return response.getheader("ETag", "")


def _check_completed(response: HTTPResponse) -> None:
    """S3 may send 200 before it knows the result; then the error is in the body."""
    body = response.read()
    if b"<Error>" in body:
        raise refusal_of(500, body)
