"""Clocks that a test can set, as a user or a time server does."""

import time
from datetime import UTC, datetime, timedelta


class SettableClock:
    """Real time, moved by `shift`, which is what setting a clock does, and by `passed_seconds`, as if they had passed.

    Only the second moves the monotonic clock.
    """

    def __init__(self) -> None:
        self.shift = timedelta()
        self.passed_seconds = 0.0

    def now(self) -> datetime:
        """See the port."""
        return datetime.now(UTC) + self.shift + timedelta(seconds=self.passed_seconds)

    def monotonic(self) -> float:
        """See the port."""
        return time.monotonic() + self.passed_seconds


class StoppedClock:
    """Stands still until a test sets it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """See the port."""
        return self.at

    def monotonic(self) -> float:
        """See the port."""
        return self.at.timestamp()
