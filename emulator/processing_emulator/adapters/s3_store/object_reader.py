"""Reads one object: its facts, its whole content, or a stream of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPResponse

from processing_emulator.adapters.s3_store.connection import Connection, Request
from processing_emulator.adapters.s3_store.download import get_request
from processing_emulator.adapters.s3_store.errors import Refusal, changed_since_listed
from processing_emulator.adapters.s3_store.parts import DOWNLOAD, Part
from processing_emulator.domain.staging import StoredObject
from processing_emulator.errors import Cancelled, ObjectStoreRefused, StagingFailure
from processing_emulator.ports import CancelToken

POLL_SECONDS = 0.1
"""How often a read in progress checks its cancel token."""


@contextmanager
def cancelled_by(cancel: CancelToken, connection: Connection) -> Iterator[None]:
    """Within, setting the token aborts whatever the connection is doing. Raises Cancelled."""
    _check(cancel)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if cancel.is_set():
                connection.stopped.set()
                connection.abort()
                return

    watcher = threading.Thread(target=watch, name="s3-cancel", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _check(cancel: CancelToken) -> None:
    if cancel.is_set():
        raise Cancelled("the read was cancelled")


def head_object(connection: Connection, bucket: str, key: str) -> StoredObject:
    """See `ObjectStore.head`. An error response to HEAD has no body, so a GET of one byte asks for the reason."""
    try:
        return _head(connection, bucket, key)
    except ObjectStoreRefused as refused:
        connection.request(_request("HeadObject", "GET", bucket, key, range="bytes=0-0"), HTTPResponse.read)
        raise refused from None


def find_object(connection: Connection, bucket: str, key: str) -> StoredObject | None:
    """The same in one request; None when there is no such object, or nobody may know."""
    try:
        return _head(connection, bucket, key)
    except ObjectStoreRefused as refused:
        if refused.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
            raise
        return None


def _head(connection: Connection, bucket: str, key: str) -> StoredObject:
    return connection.request(
        _request("HeadObject", "HEAD", bucket, key), lambda response: _described(bucket, key, response)
    )


def read_object(connection: Connection, bucket: str, key: str, limit_bytes: int) -> bytes:
    """See `ObjectStore.read`."""

    def read(response: HTTPResponse) -> bytes:
        if response.length is None or response.length > limit_bytes:
            size = "an unknown number of" if response.length is None else response.length
            raise StagingFailure(f"s3://{bucket}/{key} has {size} bytes; at most {limit_bytes} are read")
        return response.read()

    return connection.request(_request("GetObject", "GET", bucket, key), read)


def iter_chunks(connection: Connection, source: StoredObject, cancel: CancelToken, offset: int) -> Iterator[bytes]:
    """The content from `offset` on, one request per chunk.

    A slow consumer keeps no response open, and a broken connection costs no more than one chunk.
    """
    for part in _parts_from(source, offset):
        _check(cancel)
        yield connection.request(get_request(source, part), partial(_read_part, part))


def _parts_from(source: StoredObject, offset: int) -> Iterator[Part]:
    size, step = source.size_bytes, DOWNLOAD.part_bytes
    if offset == 0 and size <= step:
        yield Part(number=1, offset=0, size_bytes=size, is_whole=True)
        return
    for number, start in enumerate(range(offset, size, step), start=1):
        yield Part(number=number, offset=start, size_bytes=min(step, size - start), is_whole=False)


def _read_part(part: Part, response: HTTPResponse) -> bytes:
    if response.length not in (part.size_bytes, None):
        raise changed_since_listed()
    data = response.read()
    if len(data) != part.size_bytes:
        raise changed_since_listed()
    return data


def _described(bucket: str, key: str, response: HTTPResponse) -> StoredObject:
    response.read()  # a response to HEAD has no body, but http.client wants it read
    size, modified = response.getheader("Content-Length"), response.getheader("Last-Modified")
    if size is None or not size.isdecimal():
        raise Refusal(status=response.status, code="InvalidResponse", message="the response has no Content-Length")
    return StoredObject(
        bucket=bucket,
        key=key,
        size_bytes=int(size),
        etag=response.getheader("ETag", "").strip('"'),
        modified_at=_moment(modified) if modified else None,
    )


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


def _request(operation: str, method: str, bucket: str, key: str, **headers: str) -> Request:
    return Request(
        operation=operation, about=f"s3://{bucket}/{key}", method=method, bucket=bucket, key=key, headers=headers
    )
