"""A clock that a test can set, as a user or a time server does."""

import time
from datetime import UTC, datetime, timedelta


class SettableClock:
    """Real time, moved by `shift`. The monotonic clock is not moved by it."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        """See the port."""
        return datetime.now(UTC) + self.shift

    def monotonic(self) -> float:
        """See the port."""
        return time.monotonic()
