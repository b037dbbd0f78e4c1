"""The ObjectStore port on any S3 store: lists, downloads and uploads on a pool of lanes shared by all jobs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path

from processing_emulator.adapters.s3_store.download import Arrivals
from processing_emulator.adapters.s3_store.lane import Lane, Request, RetryPolicy, endpoint_of
from processing_emulator.adapters.s3_store.lanes import LanePool
from processing_emulator.adapters.s3_store.listing import iter_pages
from processing_emulator.adapters.s3_store.signing import Credentials, Signer
from processing_emulator.adapters.s3_store.upload import Departures
from processing_emulator.domain.job import Transfer
from processing_emulator.domain.staging import PlannedFile, StoredObject
from processing_emulator.errors import ObjectStoreRefused
from processing_emulator.ports import CancelToken, LocalFile

LANES = 16
"""Requests under way at once, of all jobs together."""

_WRONG_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})

_TAKE_BACK = RetryPolicy(attempts=2)


class S3ObjectStore:
    """Implements `ports.ObjectStore`. Threads are started by the first transfer; `close` ends them."""

    def __init__(
        self,
        *,
        endpoint_url: str,
        access_key: str,
        secret_key: str,
        region: str = "us-east-1",
        session_token: str | None = None,
        retry: RetryPolicy | None = None,
        lanes: int = LANES,
    ) -> None:
        self._endpoint = endpoint_of(endpoint_url)
        credentials = Credentials(access_key=access_key, secret_key=secret_key, session_token=session_token)
        self._signer = Signer(credentials, region)
        self._retry = retry or RetryPolicy()
        self._pool = LanePool(lanes, lambda: self._lane(self._retry))

    def iter_objects(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """See `ports.ObjectStore`. Read to the end and sorted here: SeaweedFS lists folder by folder, not by key."""
        with closing(self._lane(self._retry)) as lane:
            objects = [stored for page in iter_pages(lane, bucket, prefix) for stored in page]
        return iter(sorted(objects, key=lambda stored: stored.key.encode()))

    def download(self, files: Sequence[PlannedFile], folder: Path, cancel: CancelToken) -> Transfer:
        """See `ports.ObjectStore`."""
        began = time.monotonic()
        arrivals = Arrivals(folder)
        try:
            self._pool.run(arrivals.iter_pieces(files), cancel)
        finally:
            arrivals.discard_unfinished()
        size = sum(planned.source.size_bytes for planned in files)
        return Transfer(objects=len(files), size_bytes=size, seconds=time.monotonic() - began)

    def upload(self, files: Sequence[LocalFile], cancel: CancelToken) -> Transfer:
        """See `ports.ObjectStore`. Sizes are those found when the files are opened."""
        began = time.monotonic()
        departures = Departures()
        try:
            self._pool.run(departures.iter_pieces(files), cancel)
        finally:
            with closing(self._lane(_TAKE_BACK)) as lane:
                departures.take_back_unfinished(lane)
        return Transfer(objects=len(files), size_bytes=departures.size_bytes, seconds=time.monotonic() - began)

    def ping(self) -> None:
        """Ask the store for its buckets, once. A store that does not let these keys list them answers, too.

        Raises ObjectStoreUnreachable, and ObjectStoreRefused when it fails or does not know the keys.
        """
        request = Request(operation="ListBuckets", about="the emulator's keys", method="GET", bucket="")
        try:
            with closing(self._lane(RetryPolicy(attempts=1))) as lane:
                lane.perform(request, HTTPResponse.read)
        except ObjectStoreRefused as error:
            if error.code in _WRONG_KEYS or error.status >= 500:
                raise

    def close(self) -> None:
        """End the lanes; transfers that still run fail with Cancelled."""
        self._pool.close()

    def _lane(self, retry: RetryPolicy) -> Lane:
        return Lane(self._endpoint, self._signer, retry)
