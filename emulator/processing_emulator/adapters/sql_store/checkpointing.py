"""Brings what was written from SQLite's log into the database file, so that nobody who stores has to wait for it.

By itself SQLite does that inside some transaction's commit, which then takes a tenth of a second and more: the disk is
waited for twice. Here a thread does it beside the writers, when they pause, or when much has been written.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from processing_emulator.errors import StoreFailure

logger = logging.getLogger(__name__)

WRITES: Final = 256
"""Transactions after which a pause is used."""

PAUSE_SECONDS: Final = 0.5

LOG_LIMIT_BYTES: Final = 256 * 1024**2
"""A log that has grown beyond this does not wait for a pause."""


class Checkpointer:
    """Counts transactions; its thread begins with the first checkpoint. To be used from any thread."""

    def __init__(self, log: Path, checkpoint: Callable[[], None]) -> None:
        """`log` is SQLite's, cut to less than its limit whenever it begins anew.

        `checkpoint` raises StoreFailure; what it could not do, a later one or a commit does.
        """
        self._log = log
        self._checkpoint = checkpoint
        self._changed = threading.Condition()
        self._written = 0
        self._is_stopping = False
        self._thread: threading.Thread | None = None

    def written(self) -> None:
        """A transaction was committed."""
        with self._changed:
            self._written += 1
            if self._written % WRITES or self._is_stopping:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        """Wait for a checkpoint that is under way, and begin no other; may be called twice."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while self._is_due():
            try:
                self._checkpoint()
            except StoreFailure as error:
                logger.warning("%s", error, extra={"action": "checkpoint_failed"})

    def _is_due(self) -> bool:
        """Wait until it is; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._written >= WRITES or self._is_stopping)
            before = 0
            while before < self._written and not self._is_stopping and not self._is_long():  # still being written
                before = self._written
                self._changed.wait(PAUSE_SECONDS)
            self._written = 0
            return not self._is_stopping

    def _is_long(self) -> bool:
        try:
            return self._log.stat().st_size > LOG_LIMIT_BYTES
        except OSError:  # a database without a log
            return False
