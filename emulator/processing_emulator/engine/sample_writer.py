"""Stores the samples of all containers together, one transaction a second, so that sampling costs little."""

import logging
import threading
from collections import deque
from collections.abc import Iterable, Sequence

from processing_emulator.domain.metrics import PROCESSING_JOBS_NAMESPACE, Datum, MetricKey
from processing_emulator.errors import StoreFailure
from processing_emulator.ports import Clock, MetricStore

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
FORGET_SECONDS = 60.0
"""Time between two removals of samples that are too old to be kept by the second."""

LATEST_SECONDS = 5.0
"""A container whose newest sample is older has ended."""

MOST_WAITING = 20_000
"""Data that wait to be stored. When the store fails for longer, the oldest are dropped, and counted."""

MOST_AT_ONCE = 1000
"""In one transaction."""

MOST_FORGOTTEN_AT_ONCE = 10_000
"""In one transaction, for which others that write wait."""


class SampleWriter:
    """A background service. Data that cannot be stored are dropped, and never stored twice."""

    def __init__(self, store: MetricStore, clock: Clock, kept_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._kept_seconds = kept_seconds
        self._waiting: deque[Datum] = deque()
        self._latest: dict[MetricKey, Datum] = {}
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._forget_due = 0.0
        self._dropped_before: int | None = None
        self.dropped = 0

    def start(self) -> None:
        """Begin; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sample-writer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; what waits is stored."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def offer(self, data: Iterable[Datum]) -> None:
        """Take data to be stored; never blocks for long, never fails."""
        data = tuple(data)
        with self._lock:
            self._waiting.extend(data)
            self._latest |= {each.key: each for each in data if each.key.namespace == PROCESSING_JOBS_NAMESPACE}
            over = max(0, len(self._waiting) - MOST_WAITING)
            for _ in range(over):
                self._waiting.popleft()
        if over:
            self._drop(over, "more samples wait than are kept")

    def flush(self) -> None:
        """Store what was offered so far; returns when it is stored or dropped."""
        with self._storing:
            while batch := self._next_batch():
                try:
                    self._store.put(batch)
                except StoreFailure as error:
                    self._drop(len(batch), str(error))
                else:
                    self._recovered()

    def latest(self) -> Sequence[Datum]:
        """The newest sample of each metric of the containers that run."""
        since_s = self._clock.now().timestamp() - LATEST_SECONDS
        with self._lock:
            self._latest = {key: datum for key, datum in self._latest.items() if datum.at_s >= since_s}
            return list(self._latest.values())

    def _next_batch(self) -> list[Datum]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]

    def _drop(self, number: int, reason: str) -> None:
        """Said once, not each second: health says what is wrong with the store meanwhile."""
        if self._dropped_before is None:
            self._dropped_before = self.dropped
            logger.warning("samples dropped", extra={"number": number, "reason": reason})
        self.dropped += number

    def _recovered(self) -> None:
        if self._dropped_before is not None:
            number, self._dropped_before = self.dropped - self._dropped_before, None
            logger.warning("samples stored again", extra={"dropped": number})

    def _run(self) -> None:
        while not self._ended.wait(FLUSH_SECONDS):
            self.flush()
            self._forget()

    def _forget(self) -> None:
        if self._clock.monotonic() < self._forget_due:
            return
        self._forget_due = self._clock.monotonic() + FORGET_SECONDS
        self.latest()  # drops those of containers that have ended
        try:
            before_s = int(self._clock.now().timestamp() - self._kept_seconds)
            if self._store.forget_seconds(before_s, MOST_FORGOTTEN_AT_ONCE) == MOST_FORGOTTEN_AT_ONCE:
                self._forget_due = 0.0  # the rest after the next flush
        except StoreFailure as error:
            logger.warning("old samples not removed", extra={"error": str(error)})
