"""Aborts multipart uploads in a thread, so that a cancelled transfer does not wait for a store that is away."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeAlias

from processing_emulator.adapters.s3_store.connection import Connection
from processing_emulator.errors import Cancelled, StagingFailure

logger = logging.getLogger(__name__)

WAIT_SECONDS = 0.5
"""How long a failed transfer waits for the aborts. A store that answers is done by then."""

Abort: TypeAlias = Callable[[Connection], None]


class MultipartAborts:
    """The aborts of one store client. They are repeated as other requests are, until the client is closed."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[threading.Thread, Connection] = {}

    def start(self, aborts: Sequence[Abort]) -> None:
        """Begin; returns when they are done, or after a short wait."""
        if not aborts:
            return
        connection = self._connect()
        connection.stopped = self._closing
        thread = threading.Thread(target=self._run, args=(aborts, connection), name="s3-abort", daemon=True)
        with self._lock:
            self._running[thread] = connection
        thread.start()
        thread.join(WAIT_SECONDS)

    def close(self) -> None:
        """Give up those that still run."""
        self._closing.set()
        with self._lock:
            running = dict(self._running)
        for thread, connection in running.items():
            connection.abort()
            thread.join()

    def _run(self, aborts: Sequence[Abort], connection: Connection) -> None:
        with closing(connection):
            for abort in aborts:
                try:
                    abort(connection)
                except (StagingFailure, Cancelled) as error:
                    logger.warning("multipart upload not aborted, its parts stay in the store", extra={"error": error})
        with self._lock:
            del self._running[threading.current_thread()]
