"""A bounded number of lanes, each with a thread of its own, shared by all transfers, which take turns."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from processing_emulator.adapters.s3_store.lane import Lane
from processing_emulator.errors import Cancelled
from processing_emulator.ports import CancelToken

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
"""How often a running transfer looks whether it was cancelled."""

_GIVEN_UP = "the transfer was given up"

Piece: TypeAlias = "Callable[[Lane], Sequence[Piece]]"
"""A piece of a transfer: does its part on a lane and names the pieces that can only follow it."""


class _Batch:
    """The pieces of one transfer and how it ended. All but the events is guarded by the pool's lock."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pending: deque[Piece] = deque(pieces)
        self.lanes: set[Lane] = set()
        self.failure: BaseException | None = None
        self.given_up = threading.Event()
        self.ended = threading.Event()

    def give_up(self, failure: BaseException) -> None:
        """Drop what is left; the first failure is the one that counts."""
        if self.failure is None:
            self.failure = failure
            self.pending.clear()
            self.given_up.set()
            for lane in self.lanes:
                lane.abort()


class LanePool:
    """Runs transfers. Threads start when they are first needed and wait for more work until the pool is closed."""

    def __init__(self, size: int, new_lane: Callable[[], Lane]) -> None:
        self._size = size
        self._new_lane = new_lane
        self._changed = threading.Condition()
        self._batches: deque[_Batch] = deque()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def run(self, pieces: Iterable[Piece], cancel: CancelToken) -> None:
        """Run all pieces; returns or raises when none of them runs any more.

        Raises what the first piece to fail raised, or Cancelled; the others are broken off.
        """
        batch = _Batch(pieces)
        if cancel.is_set():
            raise Cancelled(_GIVEN_UP)
        if not batch.pending:
            return
        self._admit(batch)
        try:
            while not batch.ended.wait(LOOK_SECONDS):
                if cancel.is_set():
                    self._give_up(batch, Cancelled(_GIVEN_UP))
        except BaseException as error:
            self._give_up(batch, error)
            batch.ended.wait()
            raise
        if batch.failure is not None:
            raise batch.failure

    def close(self) -> None:
        """End all threads; transfers that still run fail."""
        with self._changed:
            self._is_closed = True
            for batch in list(self._batches):
                batch.give_up(Cancelled("the object store was closed"))
                self._settle(batch)
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def _admit(self, batch: _Batch) -> None:
        with self._changed:
            if self._is_closed:
                raise Cancelled("the object store was closed")
            self._batches.append(batch)
            for _ in range(min(len(batch.pending), self._size - len(self._threads))):
                number = len(self._threads) + 1
                thread = threading.Thread(target=self._work, name=f"s3-lane-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def _give_up(self, batch: _Batch, failure: BaseException) -> None:
        with self._changed:
            batch.give_up(failure)
            self._settle(batch)

    def _work(self) -> None:
        lane = self._new_lane()
        while (turn := self._next_turn(lane)) is not None:
            batch, piece = turn
            more: Sequence[Piece] = ()
            failure: BaseException | None = None
            try:
                more = piece(lane)
            except BaseException as error:  # noqa: BLE001  (whoever runs the transfer gets it)
                failure = error
            self._end_turn(batch, lane, more, failure)
        lane.close()

    def _next_turn(self, lane: Lane) -> tuple[_Batch, Piece] | None:
        with self._changed:
            while not self._batches and not self._is_closed:
                self._changed.wait()
            if not self._batches:
                return None
            batch = self._batches.popleft()
            piece = batch.pending.popleft()
            if batch.pending:
                self._batches.append(batch)
            batch.lanes.add(lane)
            lane.stopped = batch.given_up
            return batch, piece

    def _end_turn(self, batch: _Batch, lane: Lane, more: Sequence[Piece], failure: BaseException | None) -> None:
        with self._changed:
            batch.lanes.discard(lane)
            if failure is not None:
                batch.give_up(failure)
            elif more and batch.failure is None:
                if not batch.pending:
                    self._batches.append(batch)
                batch.pending.extendleft(reversed(more))
                self._changed.notify(len(more))
            self._settle(batch)

    def _settle(self, batch: _Batch) -> None:
        """Take a batch without pending pieces out of the round, and end it when no piece runs any more."""
        if not batch.pending:
            if batch in self._batches:
                self._batches.remove(batch)
            if not batch.lanes:
                batch.ended.set()
