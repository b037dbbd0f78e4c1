"""How long a call to an engine that does not answer is repeated."""

from collections.abc import Callable

import pytest

from processing_emulator.engine.retry import EngineRetry
from processing_emulator.errors import RuntimeUnavailable
from tests.fakes.clock import SettableClock

LIMIT = 1.0


class NeverCancelled:
    """A cancel token that lets no time pass."""

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        return False


def failing(clock: SettableClock, *seconds: float) -> Callable[[], str]:
    """A call that fails after each of these times, and then succeeds."""
    left = list(seconds)

    def call() -> str:
        if not left:
            return "answered"
        clock.passed_seconds += left.pop(0)
        raise RuntimeUnavailable("away")

    return call


def test_an_engine_that_is_away_for_too_long_in_a_row_is_given_up() -> None:
    clock = SettableClock()
    retry = EngineRetry(clock, NeverCancelled(), LIMIT)
    assert retry(failing(clock, 0.4, 0.4)) == "answered"
    with pytest.raises(RuntimeUnavailable):
        retry(failing(clock, 0.4, 0.4, 0.7))


def test_a_call_that_lasted_for_hours_has_the_whole_time_again() -> None:
    clock = SettableClock()
    retry = EngineRetry(clock, NeverCancelled(), LIMIT)
    outages = (3600.0, 0.4, 3600.0, 0.4)
    assert retry(failing(clock, *outages), lasts=True) == "answered"
    with pytest.raises(RuntimeUnavailable):
        retry(failing(clock, *outages))
