"""When the container engine was last lost, which says whether it may have ended a container as it stopped."""

from datetime import datetime

from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import Clock

SAME_LOSS_SECONDS = 10.0
"""Failed calls that are less apart belong to one loss. A call is repeated after half a second, and may take a few."""


class EngineLoss:
    """`at`: when the first of the last row of failed calls failed; None when none has."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed_at: float | None = None
        self.at: datetime | None = None

    def note(self, _error: RuntimeFailure) -> None:
        """A call has failed; for `EngineRetry`."""
        now = self._clock.monotonic()
        if self._failed_at is None or now - self._failed_at > SAME_LOSS_SECONDS:
            self.at = self._clock.now()
        self._failed_at = now
