"""Health answers in bounded time, whatever its parts do."""

import threading
import time

from processing_emulator.admin.health import HealthBoard, Part, State
from processing_emulator.errors import EmulatorError


def _fails() -> State:
    raise EmulatorError("nothing answers")


def _breaks() -> State:
    raise ZeroDivisionError("a bug")


def _part(name: str, ask: object = dict) -> Part:
    return Part(name=name, ask=ask, mend=f"mend {name}")  # type: ignore[arg-type]


def test_parts_that_answer_are_ok_with_what_they_say() -> None:
    board = HealthBoard((_part("docker", lambda: {"version": "20"}), _part("s3")))
    assert board.states() == {"docker": {"status": "ok", "version": "20"}, "s3": {"status": "ok"}}


def test_a_part_that_fails_is_down_and_says_how_to_mend_it() -> None:
    board = HealthBoard((_part("docker", _fails), _part("s3", _breaks)))
    assert board.states() == {
        "docker": {"status": "down", "error": "nothing answers", "mend": "mend docker"},
        "s3": {"status": "down", "error": "ZeroDivisionError: a bug", "mend": "mend s3"},
    }


def test_parts_that_hang_are_waited_for_once_and_together() -> None:
    released = threading.Event()
    asked: list[str] = []

    def hang(name: str) -> State:
        asked.append(name)
        released.wait(30)
        return {}

    board = HealthBoard((_part("a", lambda: hang("a")), _part("b", lambda: hang("b")), _part("c")), 0.2)
    began = time.monotonic()
    first, second = board.states(), board.states()
    took = time.monotonic() - began
    released.set()

    assert first == second
    assert first["a"] == {"status": "down", "error": "no answer within 0.2 s", "mend": "mend a"}
    assert first["c"] == {"status": "ok"}
    assert sorted(asked) == ["a", "b"]
    assert took < 5
