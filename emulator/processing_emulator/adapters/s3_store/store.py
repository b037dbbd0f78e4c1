"""S3ObjectStore: reads and lists objects on one connection each, transfers files on a shared pool."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path

from processing_emulator.adapters.s3_store.changes import ChangeUploads
from processing_emulator.adapters.s3_store.connection import Connection, Request, endpoint_of
from processing_emulator.adapters.s3_store.download import Downloads
from processing_emulator.adapters.s3_store.listing import iter_pages
from processing_emulator.adapters.s3_store.metering import Unmetered
from processing_emulator.adapters.s3_store.multipart_aborts import MultipartAborts
from processing_emulator.adapters.s3_store.multipart_journal import MultipartJournal
from processing_emulator.adapters.s3_store.object_reader import cancelled_by, head_object, iter_chunks, read_object
from processing_emulator.adapters.s3_store.retry import OutageLog, RetryPolicy
from processing_emulator.adapters.s3_store.signing import Credentials, Signer
from processing_emulator.adapters.s3_store.transfer_pool import Task, TransferPool
from processing_emulator.adapters.s3_store.unfinished_upload import abort_upload
from processing_emulator.adapters.s3_store.upload import Uploads
from processing_emulator.domain.job import Transfer
from processing_emulator.domain.staging import PlannedFile, StoredObject
from processing_emulator.errors import DiskFull, ObjectStoreRefused
from processing_emulator.ports import CancelToken, Changes, LocalFile, TransferMeter

CONNECTIONS = 16
"""Requests in flight at once, for all jobs together."""

_WRONG_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})

_ONE_ATTEMPT = RetryPolicy(patience_seconds=0.0)


class S3ObjectStore:
    """Implements `ports.ObjectStore`. The first transfer starts the threads; `close` ends them."""

    def __init__(
        self,
        *,
        endpoint_url: str,
        access_key: str,
        secret_key: str,
        region: str = "us-east-1",
        session_token: str | None = None,
        retry: RetryPolicy | None = None,
        full_disk: Callable[[], str | None] = lambda: None,
        connections: int = CONNECTIONS,
        journal_folder: Path | None = None,
    ) -> None:
        """`full_disk` returns the sentence for the store's disk when it is on this machine and full.

        `journal_folder` holds the multipart uploads that are not over, for `abort_unfinished` of the next start.
        """
        self._endpoint = endpoint_of(endpoint_url)
        self._full_disk = full_disk
        credentials = Credentials(access_key=access_key, secret_key=secret_key, session_token=session_token)
        self._signer = Signer(credentials, region)
        self._retry = retry or RetryPolicy()
        self._outages = OutageLog(self._endpoint.host_header)
        self._pool = TransferPool(connections, self._connection)
        self._aborts = MultipartAborts(self._connection)
        self._journal = MultipartJournal(journal_folder)

    def iter_objects(self, bucket: str, prefix: str, cancel: CancelToken) -> Iterator[StoredObject]:
        """See the port. Sorted here, after the last page: SeaweedFS lists folder by folder, not by key."""
        with self._cancellable(cancel) as connection:
            objects = [stored for page in iter_pages(connection, bucket, prefix) for stored in page]
        return iter(sorted(objects, key=lambda stored: stored.key.encode()))

    def head(self, bucket: str, key: str, cancel: CancelToken) -> StoredObject:
        """See the port."""
        with self._cancellable(cancel) as connection:
            return head_object(connection, bucket, key)

    def head_all(self, bucket: str, keys: Sequence[str], cancel: CancelToken) -> Sequence[StoredObject]:
        """See the port."""
        found: dict[str, StoredObject] = {}

        def head(key: str, connection: Connection) -> Sequence[Task]:
            found[key] = head_object(connection, bucket, key)
            return ()

        self._pool.run((partial(head, key) for key in keys), cancel)
        return [found[key] for key in keys]

    def read(self, bucket: str, key: str, limit_bytes: int, cancel: CancelToken) -> bytes:
        """See the port."""
        with self._cancellable(cancel) as connection:
            return read_object(connection, bucket, key, limit_bytes)

    @contextmanager
    def open_stream(self, source: StoredObject, cancel: CancelToken, offset: int = 0) -> Iterator[Iterator[bytes]]:
        """See the port."""
        with self._cancellable(cancel) as connection:
            yield iter_chunks(connection, source, cancel, offset)

    def download(
        self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Transfer:
        """See the port."""
        began = time.monotonic()
        downloads = Downloads(folder, meter or Unmetered())
        try:
            self._pool.run(downloads.iter_tasks(files), cancel)
        finally:
            downloads.discard_unfinished()
        size = sum(planned.source.size_bytes for planned in files)
        return Transfer(objects=len(files), size_bytes=size, seconds=time.monotonic() - began)

    def upload(self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None) -> Transfer:
        """See the port. The sizes are those of the files when they are opened."""
        began = time.monotonic()
        uploads = Uploads(meter or Unmetered(), self._journal)
        self._run_uploads(uploads, uploads.iter_tasks(files), cancel)
        return Transfer(objects=len(files), size_bytes=uploads.size_bytes, seconds=time.monotonic() - began)

    def upload_changes(
        self, files: Sequence[LocalFile], cancel: CancelToken, meter: TransferMeter | None = None
    ) -> Changes:
        """See the port."""
        began = time.monotonic()
        uploads = Uploads(meter or Unmetered(), self._journal)
        changes = ChangeUploads(uploads, meter or Unmetered())
        self._run_uploads(uploads, changes.iter_tasks(files), cancel)
        sent = [local for local in files if local not in changes.unchanged and local not in changes.left_out]
        size = sum(local.version.size_bytes for local in sent)
        uploaded = Transfer(objects=len(sent), size_bytes=size, seconds=time.monotonic() - began)
        return Changes(uploaded=uploaded, unchanged=len(changes.unchanged), left_out=changes.left_out)

    def _run_uploads(self, uploads: Uploads, tasks: Iterator[Task], cancel: CancelToken) -> None:
        try:
            self._pool.run(tasks, cancel)
        except ObjectStoreRefused as error:
            sentence = self._full_disk() if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
            if sentence is not None:
                raise DiskFull(f"{sentence}; {error}") from error
            raise
        finally:
            self._aborts.start(uploads.unfinished())

    def abort_unfinished(self) -> None:
        """Abort the multipart uploads of an earlier run that was killed; returns soon. Call it before any upload."""
        self._aborts.start([partial(abort_upload, entry) for entry in self._journal.iter_entries()])

    def ping(self) -> None:
        """Send one ListBuckets request. A store that only denies the listing passes.

        Raises ObjectStoreUnreachable; ObjectStoreRefused when the store fails or rejects the keys.
        """
        request = Request(operation="ListBuckets", about="the emulator's keys", method="GET", bucket="")
        try:
            with closing(self._connection(_ONE_ATTEMPT)) as connection:
                connection.request(request, HTTPResponse.read)
        except ObjectStoreRefused as error:
            if error.code in _WRONG_KEYS or error.status >= 500:
                raise

    def close(self) -> None:
        """End the threads. Running transfers fail with Cancelled."""
        self._pool.close()
        self._aborts.close()

    @contextmanager
    def _cancellable(self, cancel: CancelToken) -> Iterator[Connection]:
        """A connection outside the pool, which the token aborts."""
        with closing(self._connection()) as connection, cancelled_by(cancel, connection):
            yield connection

    def _connection(self, retry: RetryPolicy | None = None) -> Connection:
        return Connection(self._endpoint, self._signer, retry or self._retry, self._outages)
