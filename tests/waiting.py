"""Waiting for a condition with a deadline; the only way a test may wait."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T | None], timeout_seconds: float = 30.0) -> T:
    """Ask `probe` until it answers with something true; AssertionError naming `what` when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_seconds:g} s in vain for {what}")
        time.sleep(0.02)
