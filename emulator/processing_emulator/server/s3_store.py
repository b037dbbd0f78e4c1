"""The S3 store: the user's own (`s3_endpoint`), or the embedded one."""

import threading
from functools import partial
from typing import TYPE_CHECKING

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.disk_space import full_disk
from processing_emulator.adapters.seaweedfs.identity import Identity
from processing_emulator.adapters.seaweedfs.process import SeaweedProcess
from processing_emulator.adapters.seaweedfs.watchdog import Watchdog
from processing_emulator.adapters.seed.clear import empty_store
from processing_emulator.adapters.seed.client import S3Access
from processing_emulator.config import Settings
from processing_emulator.errors import EmulatorError

if TYPE_CHECKING:  # imported late: the embedded store starts before the server is imported
    from processing_emulator.adapters.s3_store.store import S3ObjectStore
    from processing_emulator.aws.s3.proxy import StoreMiddleware
    from processing_emulator.server.service_group import Service


class S3Part:
    """The user's own store, or the embedded one, which starts in a thread while the server is imported."""

    def __init__(self, settings: Settings, data: DataDir) -> None:
        self._settings = settings
        self._data = data
        self._process: SeaweedProcess | None = None
        self._error: EmulatorError | None = None
        self._endpoint = settings.s3_endpoint or ""
        self._starting: threading.Thread | None = None
        if settings.s3_endpoint is None:
            self._process = SeaweedProcess(
                data.s3,
                data.logs / "seaweedfs.log",
                Identity(access_key=settings.s3_access_key, secret_key=settings.s3_secret_key.get_secret_value()),
            )
            self._starting = threading.Thread(target=self._start, args=(self._process,), name="s3-start")
            self._starting.start()

    def _start(self, process: SeaweedProcess) -> None:
        try:
            self._endpoint = process.start()
        except EmulatorError as error:
            self._error = error

    @property
    def endpoint(self) -> str:
        """Its URL. Waits for the start of the embedded store; raises EmulatorError when that failed."""
        if self._starting is not None:
            self._starting.join()
        if self._error is not None:
            raise self._error
        return self._endpoint

    def object_store(self) -> "S3ObjectStore":
        """The client for staging. Waits as `endpoint` does."""
        from processing_emulator.adapters.s3_store.retry import RetryPolicy
        from processing_emulator.adapters.s3_store.store import S3ObjectStore

        access = self.access()
        return S3ObjectStore(
            endpoint_url=access.endpoint,
            access_key=access.access_key,
            secret_key=access.secret_key,
            region=access.region,
            retry=RetryPolicy(patience_seconds=self._settings.s3_patience_seconds),
            full_disk=self._full_disk,
            journal_folder=self._data.multipart_uploads,
        )

    def services(self) -> "list[Service]":
        """The services that keep the embedded store running."""
        return [Watchdog(self._process)] if self._process is not None else []

    def middleware(self) -> "StoreMiddleware | None":
        """What makes the embedded store answer as S3 does; None for a store of the user's own."""
        if self._process is None:
            return None
        from processing_emulator.adapters.s3_store.signing import Credentials, Signer
        from processing_emulator.aws.s3.seaweedfs_compat import seaweedfs_middleware

        access = self.access()
        credentials = Credentials(access_key=access.access_key, secret_key=access.secret_key)
        return partial(seaweedfs_middleware, sign=Signer(credentials, access.region).headers, full_disk=self._full_disk)

    def _full_disk(self) -> str | None:
        """That the disk of the embedded store is full, which SeaweedFS reports as an internal error."""
        return full_disk(self._data.root) if self._process is not None else None

    @property
    def kind(self) -> str:
        """Its name in `/_emulator/health`."""
        return "external" if self._process is None else "embedded"

    def access(self) -> S3Access:
        """The endpoint and the staging keys. Waits as `endpoint` does."""
        settings = self._settings
        return S3Access(
            endpoint=self.endpoint,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            region=settings.s3_region,
        )

    def empty(self) -> list[str]:
        """Delete all buckets with their objects, and return their names. Raises EmulatorError."""
        if self._process is None:
            return empty_store(self.access())
        buckets = self._process.bucket_names()
        if buckets:
            self._process.wipe()
        return buckets

    def stop(self) -> None:
        """Stop the embedded store."""
        if self._starting is not None:
            self._starting.join()
        if self._process is not None:
            self._process.stop()
