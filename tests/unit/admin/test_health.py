"""Health is answered in bounded time, whatever the checks do."""

import threading
import time
from collections.abc import Callable

from processing_emulator.admin.health import HealthCheck, HealthChecks, PartDown, State
from processing_emulator.errors import EmulatorError


def _fails() -> State:
    raise EmulatorError("nothing answers")


def _breaks() -> State:
    raise ZeroDivisionError("a bug")


def _check(name: str, check: Callable[[], State] = dict) -> HealthCheck:
    return HealthCheck(name=name, check=check, hint=f"restart {name}")


def test_a_check_that_passes_is_ok_with_its_details() -> None:
    checks = HealthChecks((_check("docker", lambda: {"version": "20"}), _check("s3")))
    assert checks.states() == {"docker": {"status": "ok", "version": "20"}, "s3": {"status": "ok"}}


def test_a_check_that_fails_is_down_with_a_hint() -> None:
    checks = HealthChecks((_check("docker", _fails), _check("s3", _breaks)))
    assert checks.states() == {
        "docker": {"status": "down", "error": "nothing answers", "hint": "restart docker"},
        "s3": {"status": "down", "error": "ZeroDivisionError: a bug", "hint": "restart s3"},
    }


def test_checks_that_hang_are_waited_for_together_and_run_once() -> None:
    released = threading.Event()
    started: list[str] = []

    def hang(name: str) -> State:
        started.append(name)
        released.wait(30)
        return {}

    checks = HealthChecks((_check("a", lambda: hang("a")), _check("b", lambda: hang("b")), _check("c")), 0.2)
    began = time.monotonic()
    first, second = checks.states(), checks.states()
    took = time.monotonic() - began
    released.set()

    assert first == second
    assert first["a"] == {"status": "down", "error": "no answer within 0.2 s", "hint": "restart a"}
    assert first["c"] == {"status": "ok"}
    assert sorted(started) == ["a", "b"]
    assert took < 5


def test_a_part_that_is_down_shows_its_details_too() -> None:
    def check() -> State:
        raise PartDown("the disk is full", {"freeBytes": 0})

    states = HealthChecks((_check("disk", check),)).states()
    assert states["disk"] == {"status": "down", "error": "the disk is full", "hint": "restart disk", "freeBytes": 0}
