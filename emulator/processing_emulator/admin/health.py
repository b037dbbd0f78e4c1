"""The state of the server's parts, asked all at once, with a bounded time for each."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from processing_emulator.errors import EmulatorError

ANSWER_SECONDS = 2.0
"""A part that has not answered by then counts as down; nobody who asks for health waits longer."""

State = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something the server needs. `ask` says more about it, or raises EmulatorError; `mend` is for the user."""

    name: str
    ask: Callable[[], State]
    mend: str


class HealthBoard:
    """Asks all parts. A part that hangs has one thread waiting for it, however often health is asked for."""

    def __init__(self, parts: tuple[Part, ...], answer_seconds: float = ANSWER_SECONDS) -> None:
        self._questions = [_Question(part) for part in parts]
        self._answer_seconds = answer_seconds

    def states(self) -> dict[str, State]:
        """Each part's state: `status` is `ok` or `down`; `error` and `mend` are sentences."""
        rounds = [(question, question.put()) for question in self._questions]
        deadline = time.monotonic() + self._answer_seconds
        return {q.part.name: q.answer(asked, deadline, self._answer_seconds) for q, asked in rounds}


@dataclass(slots=True)
class _Round:
    """One time a part is asked; several who want to know may share it."""

    answered: threading.Event
    state: State


class _Question:
    """Asks one part in a thread of its own."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._lock = threading.Lock()
        self._open: _Round | None = None

    def put(self) -> _Round:
        """Ask, unless the part has not answered the last time yet."""
        with self._lock:
            if self._open is None:
                self._open = _Round(threading.Event(), {})
                name = f"health-{self.part.name}"
                threading.Thread(target=self._ask, args=(self._open,), name=name, daemon=True).start()
            return self._open

    def answer(self, asked: _Round, deadline: float, answer_seconds: float) -> State:
        """The part's state, or that it did not answer in time."""
        if asked.answered.wait(max(0.0, deadline - time.monotonic())):
            return asked.state
        return self._down(f"no answer within {answer_seconds:g} s")

    def _ask(self, asked: _Round) -> None:
        try:
            asked.state = {"status": "ok", **self.part.ask()}
        except EmulatorError as error:
            asked.state = self._down(str(error))
        except Exception as error:  # noqa: BLE001  # a part that breaks is down; health says so and goes on
            asked.state = self._down(f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._open = None
            asked.answered.set()

    def _down(self, error: str) -> State:
        return {"status": "down", "error": error, "mend": self.part.mend}
