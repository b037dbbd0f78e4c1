"""How far a transfer is: counted by the object store, reported as events while it runs."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import TracebackType
from typing import Self

from processing_emulator.log_context import in_log_context
from processing_emulator.ports import Clock

INTERVAL_SECONDS = 1.0
"""Time between two events; a shorter transfer has none."""

_RATE_REPORTS = 10
"""The rate is that of the time since the tenth report before."""


class Direction(StrEnum):
    """Which way the bytes go. CONTINUOUS is out, while the container runs."""

    IN = "in"
    OUT = "out"
    CONTINUOUS = "continuous"


class TransferProgress:
    """Implements `ports.TransferMeter`. Reports once per interval while it is entered, if anything has changed."""

    def __init__(
        self,
        direction: Direction,
        report: Callable[[Mapping[str, object]], None],
        clock: Clock,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._direction = direction
        self._report = report
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._lock = threading.Lock()
        self._done = (0, 0)
        self._total: tuple[int, int] | None = None
        self._history: deque[tuple[float, int]] = deque(maxlen=_RATE_REPORTS)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=in_log_context(self._run), name=f"progress-{direction}", daemon=True)

    def __enter__(self) -> Self:
        self._history.append((self._clock.monotonic(), 0))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def expect(self, *, objects: int, size_bytes: int) -> None:
        """So much will be transferred in all. Nothing is reported before that is known."""
        with self._lock:
            self._total = (objects, size_bytes)

    def add(self, *, objects: int = 0, size_bytes: int = 0) -> None:
        """See the port."""
        with self._lock:
            self._done = (self._done[0] + objects, self._done[1] + size_bytes)

    def _run(self) -> None:
        reported: tuple[int, int] | None = None
        while not self._ended.wait(self._interval_seconds):
            with self._lock:
                done, total = self._done, self._total
            if total is not None and done != reported:
                reported = done
                self._report(self._detail(done, total))

    def _detail(self, done: tuple[int, int], total: tuple[int, int]) -> dict[str, object]:
        now = self._clock.monotonic()
        began, bytes_then = self._history[0]
        self._history.append((now, done[1]))
        rate = max(0.0, (done[1] - bytes_then) / (now - began)) if now > began else 0.0
        return {
            "direction": self._direction.value,
            "objects": done[0],
            "total_objects": total[0],
            "bytes": done[1],
            "total_bytes": total[1],
            "bytes_per_second": round(rate),
            "remaining_seconds": round((total[1] - done[1]) / rate, 1) if rate else None,
        }
