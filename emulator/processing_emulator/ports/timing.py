"""Time, and the wish to give up: both are injected."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, injected."""

    def now(self) -> datetime:
        """The present moment: aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        ...


class CancelToken(Protocol):
    """Tells long work that nobody waits for it any more; `threading.Event` is one."""

    def is_set(self) -> bool:
        """True once the work is to be given up."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until set, at most `timeout` seconds; True when set."""
        ...
