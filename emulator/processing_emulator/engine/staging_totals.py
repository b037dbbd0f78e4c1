"""Counts what all runners have transferred since the start of the server, and how often a transfer failed."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from processing_emulator.domain.job import Transfer
from processing_emulator.engine.transfer_progress import Direction
from processing_emulator.errors import StagingFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingTotal:
    """Of one direction."""

    objects: int = 0
    size_bytes: int = 0
    errors: int = 0


class StagingTotals:
    """Used by all runners at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals = {direction: StagingTotal() for direction in (Direction.IN, Direction.OUT)}

    def add(self, direction: Direction, transfer: Transfer) -> None:
        """A transfer has succeeded."""
        with self._lock:
            total = self._totals[direction]
            self._totals[direction] = replace(
                total, objects=total.objects + transfer.objects, size_bytes=total.size_bytes + transfer.size_bytes
            )

    @contextmanager
    def counting_errors(self, direction: Direction) -> Iterator[None]:
        """Count a StagingFailure, which is raised again."""
        try:
            yield
        except StagingFailure:
            with self._lock:
                total = self._totals[direction]
                self._totals[direction] = replace(total, errors=total.errors + 1)
            raise

    def read(self) -> Mapping[Direction, StagingTotal]:
        """The totals now."""
        with self._lock:
            return dict(self._totals)
