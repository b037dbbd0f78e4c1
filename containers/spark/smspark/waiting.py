"""Waiting for a condition."""

import time
from collections.abc import Callable


def wait_for(name: str, condition: Callable[[], bool], *, seconds: float, period: float = 1.0) -> None:
    """Ask every `period` seconds until the condition holds. Raises TimeoutError with its name."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"Timed out waiting for function {name}")
        time.sleep(period)
