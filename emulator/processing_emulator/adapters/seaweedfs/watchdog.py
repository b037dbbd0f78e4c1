"""Starts the embedded store again when it ends by itself: jobs retry their transfers for longer than that takes."""

import logging
import threading

from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed
from processing_emulator.adapters.seaweedfs.process import SeaweedProcess

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
"""Between two attempts in vain; the wait doubles up to this."""


class StoreKeeper:
    """A service that watches one embedded store."""

    def __init__(self, process: SeaweedProcess) -> None:
        self._process = process
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="s3-keeper", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """Watch no longer; the store is left as it is."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        wait = LOOK_SECONDS
        while not self._stopping.wait(wait):
            try:
                if self._process.revive():
                    logger.warning("embedded s3 store restarted")
                wait = LOOK_SECONDS
            except EmbeddedStoreFailed as error:
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
                logger.warning("embedded s3 store not restarted", extra={"error": error, "retry_seconds": wait})
