"""Restarts the embedded store when it exits. Jobs retry their transfers for longer than a restart takes."""

import logging
import threading

from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed
from processing_emulator.adapters.seaweedfs.process import SeaweedProcess

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
"""Between failed attempts; the wait doubles up to this."""


class Watchdog:
    """A service that watches one embedded store."""

    def __init__(self, process: SeaweedProcess) -> None:
        self._process = process
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="s3-watchdog", daemon=True)

    def start(self) -> None:
        """Start watching."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """Stop watching; the store keeps its state."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        wait = LOOK_SECONDS
        while not self._stopping.wait(wait):
            try:
                if self._process.restart_if_exited():
                    logger.warning("embedded s3 store restarted")
                wait = LOOK_SECONDS
            except EmbeddedStoreFailed as error:
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
                logger.warning("embedded s3 store not restarted", extra={"error": error, "retry_seconds": wait})
