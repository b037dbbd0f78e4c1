"""Files become objects; large ones by a multipart upload that is taken back when it cannot be finished."""

import logging
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.client import HTTPResponse
from xml.sax.saxutils import escape

from processing_emulator.adapters.s3_store.errors import Refusal, element, refusal_of
from processing_emulator.adapters.s3_store.files import BytesBody, FileBody, OpenFile, opened
from processing_emulator.adapters.s3_store.lane import Body, Lane, Request
from processing_emulator.adapters.s3_store.lanes import Piece
from processing_emulator.adapters.s3_store.parts import UPLOAD, Part, iter_parts
from processing_emulator.errors import StagingFailure
from processing_emulator.ports import LocalFile

logger = logging.getLogger(__name__)


class Departures:
    """The files of one upload, and what of them must be taken back when it fails."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._multipart: list[_Multipart] = []

    @property
    def size_bytes(self) -> int:
        """Bytes of the files as they were when they were opened."""
        return sum(self._sizes)

    def iter_pieces(self, files: Sequence[LocalFile]) -> Iterator[Piece]:
        """The work: one piece for each file; a large one splits when its turn comes."""
        for local in files:
            yield partial(self._send, local)

    def take_back_unfinished(self, lane: Lane) -> None:
        """Abort multipart uploads that were begun and not completed, as far as the store lets us.

        For when no piece runs any more.
        """
        try:
            for multipart in self._multipart:
                if not multipart.is_complete:
                    multipart.abort(lane)
        except StagingFailure as error:
            logger.warning("parts are left in the store: %s", error, extra={"action": "multipart_upload_left"})

    def _send(self, local: LocalFile, lane: Lane) -> Sequence[Piece]:
        with opened(local.path) as file:
            self._sizes.append(file.size_bytes)
            parts = list(iter_parts(file.size_bytes, UPLOAD))
            if len(parts) > 1:
                multipart = _Multipart.begin(lane, local, file, parts)
                self._multipart.append(multipart)
                return multipart.pieces()
            body = FileBody(file, 0, file.size_bytes)
            lane.perform(_request("PutObject", "PUT", local, body=body), _finish)
        return ()


class _Multipart:
    """One multipart upload."""

    def __init__(self, local: LocalFile, upload_id: str, file: OpenFile, parts: Sequence[Part]) -> None:
        self._local = local
        self._upload_id = upload_id
        self._identity = file.identity
        self._parts = parts
        self._lock = threading.Lock()
        self._etags: dict[int, str] = {}
        self.is_complete = False

    @classmethod
    def begin(cls, lane: Lane, local: LocalFile, file: OpenFile, parts: Sequence[Part]) -> "_Multipart":
        """Ask the store for an upload."""
        request = _request("CreateMultipartUpload", "POST", local, query=[("uploads", "")], body=BytesBody(b""))
        return cls(local, lane.perform(request, _upload_id), file, parts)

    def pieces(self) -> Sequence[Piece]:
        """One piece for each part; the one that ends last completes the upload."""
        return [partial(self._send, part) for part in self._parts]

    def abort(self, lane: Lane) -> None:
        """Take the upload back."""
        query = [("uploadId", self._upload_id)]
        lane.perform(_request("AbortMultipartUpload", "DELETE", self._local, query=query), _finish)

    def _send(self, part: Part, lane: Lane) -> Sequence[Piece]:
        query = [("partNumber", str(part.number)), ("uploadId", self._upload_id)]
        with opened(self._local.path) as file:
            if file.identity != self._identity:
                raise StagingFailure(f"output file {file.path} was replaced while it was uploaded")
            body = FileBody(file, part.offset, part.size_bytes)
            etag = lane.perform(_request("UploadPart", "PUT", self._local, query=query, body=body), _part_etag)
        with self._lock:
            self._etags[part.number] = etag
            is_last = len(self._etags) == len(self._parts)
        if is_last:
            self._complete(lane)
        return ()

    def _complete(self, lane: Lane) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in sorted(self._etags.items())
        )
        body = BytesBody(f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode())
        query = [("uploadId", self._upload_id)]
        lane.perform(_request("CompleteMultipartUpload", "POST", self._local, query=query, body=body), _completed)
        self.is_complete = True


def _request(
    operation: str,
    method: str,
    local: LocalFile,
    *,
    query: Sequence[tuple[str, str]] = (),
    body: Body | None = None,
) -> Request:
    return Request(
        operation=operation,
        about=f"s3://{local.bucket}/{local.key}",
        method=method,
        bucket=local.bucket,
        key=local.key,
        query=query,
        body=body,
    )


def _finish(response: HTTPResponse) -> None:
    response.read()


def _upload_id(response: HTTPResponse) -> str:
    upload_id = element(response.read(), "UploadId")
    if not upload_id:
        raise Refusal(status=response.status, code="MalformedXML", message="the answer has no UploadId")
    return upload_id


def _part_etag(response: HTTPResponse) -> str:
    response.read()
    return response.getheader("ETag", "")


def _completed(response: HTTPResponse) -> None:
    """S3 may begin to answer 200 before it knows: the error is then in the body."""
    answer = response.read()
    if b"<Error>" in answer:
        raise refusal_of(500, answer)
