"""A service that sweeps something at start, and then at an interval, in a thread of its own."""

import logging
import threading
from abc import ABC, abstractmethod

from processing_emulator.errors import EmulatorError

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.01


class PeriodicSweep(ABC):
    """Subclasses say what a sweep does. No failure ends the service: the next sweep tries again.

    `postponing`: errors that are logged elsewhere and pass, such as a store that is away.
    """

    def __init__(self, name: str, interval_seconds: float, postponing: tuple[type[EmulatorError], ...]) -> None:
        self._name = name
        self._interval_seconds = interval_seconds
        self._postponing = postponing
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def sweep(self) -> int:
        """Do the work once; how much was removed. Long ones look at `is_stopping` now and then."""

    @property
    def is_stopping(self) -> bool:
        """Whether the service is to end."""
        return self._stopping.is_set()

    def pause(self) -> None:
        """Let others go first: between the transactions of a long sweep, those that write would else hardly get in."""
        self._stopping.wait(_PAUSE_SECONDS)

    def wake(self) -> None:
        """Sweep soon, without waiting for the interval; returns at once."""
        self._wake.set()

    def start(self) -> None:
        """Begin, with a sweep."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """End; a sweep that has begun is waited for."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self.sweep()
            except self._postponing as error:
                logger.debug("sweep postponed", extra={"sweep": self._name, "error": str(error)})
            except Exception:
                logger.exception("sweep failed", extra={"sweep": self._name})
            self._wake.wait(self._interval_seconds)
            if self._stopping.is_set():
                return
            self._wake.clear()
