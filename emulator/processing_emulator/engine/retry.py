"""The two retries of this package: while the container engine is away, up to a limit, and while the store is away."""

import logging
from collections.abc import Callable
from typing import TypeVar

from processing_emulator.errors import Cancelled, RuntimeFailure, RuntimeUnavailable, StaleJob, StoreFailure
from processing_emulator.ports import CancelToken, Clock

logger = logging.getLogger(__name__)

T = TypeVar("T")

ENGINE_RETRY_SECONDS = 0.5
STORE_RETRY_SECONDS = 1.0


class Detached(Exception):
    """The emulator stops: leave everything as it is, the next run continues from there."""


class EngineRetry:
    """Repeats a call while the engine does not answer, up to `limit_seconds` in a row: Docker may be restarting.

    `repeated` is another kind of error to repeat after instead; `note` is told of each of them.
    """

    def __init__(
        self,
        clock: Clock,
        cancel: CancelToken,
        limit_seconds: float,
        repeated: type[RuntimeFailure] = RuntimeUnavailable,
        note: Callable[[RuntimeFailure], None] = lambda _error: None,
    ) -> None:
        self._clock = clock
        self._cancel = cancel
        self._limit_seconds = limit_seconds
        self._repeated = repeated
        self._note = note

    def __call__(self, call: Callable[[], T], *, lasts: bool = False) -> T:
        """What the call returns. Raises the last error when the time is up, Cancelled.

        `lasts`: the call takes as long as a container runs. When it has lasted for more than twice the limit before it
        failed, the engine was there until then, and the time begins anew.
        """
        give_up_at: float | None = None
        while True:
            began = self._clock.monotonic()
            try:
                return call()
            except self._repeated as error:
                self._note(error)
                now = self._clock.monotonic()
                if lasts and now - began > 2 * self._limit_seconds:
                    give_up_at = None
                give_up_at = now + self._limit_seconds if give_up_at is None else give_up_at
                if now >= give_up_at:
                    raise
                if self._cancel.wait(ENGINE_RETRY_SECONDS):
                    raise Cancelled from None


class StoreRetry:
    """Repeats a call while the store fails: a full disk or a locked database delays a job, but loses nothing.

    There is no limit, because without the store nothing can be decided. `name` says in the log who waits.
    """

    def __init__(self, detaching: CancelToken, name: str) -> None:
        self._detaching = detaching
        self._name = name

    def __call__(self, call: Callable[[], T]) -> T:
        """What the call returns. Raises Detached once the emulator stops, and StaleJob at once."""
        warned = False
        while True:
            try:
                return call()
            except StaleJob:
                raise  # another writer moved the job; a repetition would fail in the same way
            except StoreFailure as error:
                if not warned:
                    logger.warning("store failed, retrying", extra={"worker": self._name, "error": str(error)})
                    warned = True
                if self._detaching.wait(STORE_RETRY_SECONDS):
                    raise Detached from error
