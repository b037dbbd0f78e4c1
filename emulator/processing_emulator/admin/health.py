"""The health of everything the server needs, checked all at once, with a bounded time for each check."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from processing_emulator.errors import EmulatorError

TIMEOUT_SECONDS = 2.0
"""A check that takes longer counts as failed, so that a health request is answered in time."""

State = Mapping[str, object]


class PartDown(EmulatorError):
    """A part does not work; `details` are shown all the same."""

    def __init__(self, message: str, details: State) -> None:
        super().__init__(message)
        self.details = details


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """One thing the server needs. `check` returns details, or raises EmulatorError; `hint` says what to do then."""

    name: str
    check: Callable[[], State]
    hint: str


class HealthChecks:
    """Runs all checks. A check that hangs occupies one thread, however often health is requested."""

    def __init__(self, checks: tuple[HealthCheck, ...], timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._probes = [_Probe(check) for check in checks]
        self._timeout_seconds = timeout_seconds

    def states(self) -> dict[str, State]:
        """The state of each: `status` is `ok` or `down`; `error` and `hint` are sentences."""
        runs = [(probe, probe.start()) for probe in self._probes]
        deadline = time.monotonic() + self._timeout_seconds
        return {probe.name: self._state(probe, run, deadline) for probe, run in runs}

    def _state(self, probe: "_Probe", run: "Future[State]", deadline: float) -> State:
        try:
            return run.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            return probe.down(f"no answer within {self._timeout_seconds:g} s")


class _Probe:
    """Runs one check in a thread. Callers share a run that has not ended yet."""

    def __init__(self, check: HealthCheck) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._run: Future[State] | None = None

    @property
    def name(self) -> str:
        return self._check.name

    def start(self) -> "Future[State]":
        with self._lock:
            if self._run is None or self._run.done():
                self._run = Future()
                # A daemon, so that a check that hangs does not keep the server from stopping.
                threading.Thread(
                    target=self._perform, args=(self._run,), name=f"health-{self.name}", daemon=True
                ).start()
            return self._run

    def down(self, error: str) -> State:
        return {"status": "down", "error": error, "hint": self._check.hint}

    def _perform(self, run: "Future[State]") -> None:
        try:
            state: State = {"status": "ok", **self._check.check()}
        except PartDown as error:
            state = {**self.down(str(error)), **error.details}
        except EmulatorError as error:
            state = self.down(str(error))
        except Exception as error:  # noqa: BLE001  # a check with a bug must not take the health page down
            state = self.down(f"{type(error).__name__}: {error}")
        run.set_result(state)
