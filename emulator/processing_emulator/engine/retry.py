"""Waiting out an engine that is away for a moment: Docker restarts, nothing is lost."""

from collections.abc import Callable
from typing import TypeVar

from processing_emulator.errors import Cancelled, RuntimeUnavailable
from processing_emulator.ports import CancelToken, Clock

T = TypeVar("T")

RETRY_SECONDS = 0.5


class Patience:
    """Repeats a call while the engine does not answer, up to `limit_seconds` in a row."""

    def __init__(self, clock: Clock, cancel: CancelToken, limit_seconds: float) -> None:
        self._clock = clock
        self._cancel = cancel
        self._limit_seconds = limit_seconds

    def __call__(self, call: Callable[[], T]) -> T:
        """What the call returns. Raises RuntimeUnavailable when patience has run out, Cancelled."""
        give_up_at: float | None = None
        while True:
            try:
                return call()
            except RuntimeUnavailable:
                now = self._clock.monotonic()
                give_up_at = now + self._limit_seconds if give_up_at is None else give_up_at
                if now >= give_up_at:
                    raise
                if self._cancel.wait(RETRY_SECONDS):
                    raise Cancelled from None
