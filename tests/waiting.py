"""Waiting for a condition, with a deadline; tests do not wait in any other way."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T | None], timeout_seconds: float = 30.0) -> T:
    """Call `probe` until it returns something true, and return that. AssertionError naming `what` after the timeout."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {timeout_seconds:g} s waiting for {what}")
        time.sleep(0.02)
