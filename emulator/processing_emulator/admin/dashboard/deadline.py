"""A token that cancels work once its time is over, so that a store that is away does not keep a page waiting."""

import time


class Deadline:
    """Implements `ports.CancelToken`."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def is_set(self) -> bool:
        """See the port."""
        return time.monotonic() >= self._at

    def wait(self, timeout: float | None = None) -> bool:
        """See the port."""
        left = max(0.0, self._at - time.monotonic())
        time.sleep(left if timeout is None else min(left, timeout))
        return self.is_set()
