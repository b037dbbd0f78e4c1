"""Time, and tokens that cancel long work: both are injected."""

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
    """Set when long work is to be given up; `threading.Event` is one."""

    def is_set(self) -> bool:
        """True once the work is to be given up."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until set, at most `timeout` seconds; True when set."""
        ...
