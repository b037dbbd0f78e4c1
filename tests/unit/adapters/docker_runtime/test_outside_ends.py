"""Who ended a container, by what the engine says of it: a user's own failure is not the engine's, nor the other way."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from processing_emulator.adapters.docker_runtime.outside_ends import End, end_of, ended_by_restart, ended_by_signal

STARTED = datetime(2026, 11, 27, 8, tzinfo=UTC)
FINISHED = STARTED + timedelta(hours=2)


def an_end(code: int, stop_signal: int = 15) -> End:
    return End(code=code, started_at=STARTED, finished_at=FINISHED, stop_signal=stop_signal)


def an_event(seconds_before: float, signal: str | None) -> dict[str, Any]:
    at = (FINISHED - timedelta(seconds=seconds_before)).timestamp()
    attributes = {"name": "n"} if signal is None else {"name": "n", "signal": signal}
    return {"Action": "kill", "Actor": {"Attributes": attributes}, "timeNano": int(at * 1e9)}


@pytest.mark.parametrize(
    ("code", "signal", "seconds_before", "is_outside"),
    [
        (3, "10", 3600, False),  # USR1, handled
        (3, "10", 0.1, False),
        (138, "10", 0.1, True),  # USR1, not handled
        (3, "15", 3600, False),  # TERM, handled an hour ago
        (3, "15", 9, True),
        (143, "15", 100, True),
        (3, "2", 9, False),
        (130, "2", 9, True),
        (137, "9", -0.1, True),  # the event came late
        (3, None, 9, True),  # an engine that does not name the signal
        (3, None, 3600, False),
    ],
)
def test_a_signal_counts_if_the_container_did_not_go_on_after_it(
    code: int, signal: str | None, seconds_before: float, is_outside: bool
) -> None:
    assert ended_by_signal(an_end(code), an_event(seconds_before, signal)) == is_outside


def test_a_stop_counts_whatever_its_signal_was_and_however_long_it_took() -> None:
    assert ended_by_signal(an_end(3), {"Action": "stop", "Actor": {"Attributes": {"name": "n"}}, "timeNano": 1})
    assert ended_by_signal(an_end(3, stop_signal=2), an_event(9, "2"))


@pytest.mark.parametrize(
    ("written", "number"), [("SIGINT", 2), ("QUIT", 3), ("10", 10), ("SIGRTMIN+3", 15), (None, 15)]
)
def test_the_stop_signal_of_an_image_is_read_as_images_write_it(written: str | None, number: int) -> None:
    state = {"ExitCode": 3, "StartedAt": "2026-11-27T08:00:00.123456789Z", "FinishedAt": "2026-11-27T10:00:00Z"}
    end = end_of({"State": state, "Config": {} if written is None else {"StopSignal": written}})
    assert (end.code, end.finished_at, end.stop_signal) == (3, FINISHED, number)


@pytest.mark.parametrize(
    ("code", "engine_started", "lost_at", "is_outside"),
    [
        (255, STARTED, FINISHED, False),  # one call to the engine failed, which ran all the time
        (137, STARTED - timedelta(days=1), FINISHED, False),
        (255, FINISHED + timedelta(seconds=0.5), None, True),  # the engine dates it at its own start
        (3, FINISHED + timedelta(seconds=10.7), None, True),  # after the stop signal of the engine's start
        (255, FINISHED + timedelta(seconds=20), None, False),
        (3, FINISHED + timedelta(seconds=40), FINISHED + timedelta(seconds=1), True),  # as it stopped
        (3, FINISHED + timedelta(seconds=40), FINISHED - timedelta(seconds=20), False),  # it was killed before
        (3, FINISHED + timedelta(seconds=40), STARTED, False),
        (137, FINISHED + timedelta(seconds=20), None, True),  # by an engine that stopped, most likely
        (143, FINISHED + timedelta(hours=20), None, True),
        (143, STARTED + timedelta(hours=1), None, False),  # outlived the start: the clock was set
        (255, None, FINISHED, True),
        (255, None, None, False),
        (3, None, FINISHED, False),
    ],
)
def test_a_restart_of_the_engine_counts_if_the_end_lies_at_it(
    code: int, engine_started: datetime | None, lost_at: datetime | None, is_outside: bool
) -> None:
    assert ended_by_restart(an_end(code), engine_started, engine_lost_at=lost_at) == is_outside
