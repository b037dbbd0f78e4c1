"""Uploads files that a container may be writing, where the store does not have the same content already.

The MD5 sums of a file are sent with it, so that a store refuses what is written to it meanwhile: no object is ever a
mixture of two versions.
"""

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http import HTTPStatus

from processing_emulator.adapters.s3_store.connection import Connection
from processing_emulator.adapters.s3_store.digests import etag_of, part_digests
from processing_emulator.adapters.s3_store.files import opened
from processing_emulator.adapters.s3_store.object_reader import find_object
from processing_emulator.adapters.s3_store.parts import UPLOAD, iter_parts
from processing_emulator.adapters.s3_store.transfer_pool import Task
from processing_emulator.adapters.s3_store.upload import Uploads
from processing_emulator.errors import DiskFull, ObjectStoreRefused, ObjectStoreUnreachable, StagingFailure
from processing_emulator.ports import LocalFile, TransferMeter


class ChangeUploads:
    """The files of one `ObjectStore.upload_changes`. `left_out`: those that were not uploaded, and why."""

    def __init__(self, uploads: Uploads, meter: TransferMeter) -> None:
        self._uploads = uploads
        self._meter = meter
        self._lock = threading.Lock()
        self.unchanged: set[LocalFile] = set()
        self.left_out: dict[LocalFile, StagingFailure] = {}

    def iter_tasks(self, files: Sequence[LocalFile]) -> Iterator[Task]:
        """One task for each file, and for each part of a large one."""
        for local in files:
            yield self._leaving_out(local, partial(self._send, local))

    def _leaving_out(self, local: LocalFile, task: Task) -> Task:
        """The task, and those that follow from it, such that its file is left out when it fails."""

        def run(connection: Connection) -> Sequence[Task]:
            try:
                more = task(connection)
            except StagingFailure as error:
                if _concerns_all(error):
                    raise
                with self._lock:
                    self.left_out.setdefault(local, error)
                return ()
            return [self._leaving_out(local, each) for each in more]

        return run

    def _send(self, local: LocalFile, connection: Connection) -> Sequence[Task]:
        with opened(local) as file:
            file.check_unchanged(local.version)
            parts = list(iter_parts(file.size_bytes, UPLOAD))
            digests = part_digests(file, parts, connection.buffer, connection.stopped)
            file.check_unchanged(local.version)
            stored = find_object(connection, local.bucket, local.key)
            if stored is None or (stored.size_bytes, stored.etag) != (file.size_bytes, etag_of(digests)):
                return self._uploads.send(connection, local, file, digests)
        with self._lock:
            self.unchanged.add(local)
        self._meter.add(objects=1, size_bytes=local.version.size_bytes)
        return ()


def _concerns_all(error: StagingFailure) -> bool:
    """Whether the store is away or broken, so that other files would fare no better."""
    if isinstance(error, ObjectStoreRefused):
        return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, ObjectStoreUnreachable | DiskFull)
