"""The ledger of reserved capacity: what each job holds on which node."""

import threading
from collections.abc import Sequence

from processing_emulator.domain.capacity import Ask, NodeCapacity, Shortage, place
from processing_emulator.domain.job import JobId, Limits


class CapacityLedger:
    """Reservations per job; idempotent, all or none. GPUs are held by id and never shared."""

    def __init__(self) -> None:
        self._held: dict[JobId, tuple[Limits, ...]] = {}
        self._lock = threading.Lock()

    def reserve(
        self, job_id: JobId, asks: Sequence[Ask], nodes: Sequence[NodeCapacity]
    ) -> tuple[Limits, ...] | Shortage:
        """The limits of each instance, or what the job has to wait for."""
        with self._lock:
            if job_id in self._held:
                return self._held[job_id]
            placed = place(asks, nodes, [limits for gang in self._held.values() for limits in gang])
            if not isinstance(placed, Shortage):
                self._held[job_id] = placed
            return placed

    def restore(self, job_id: JobId, gang: Sequence[Limits]) -> None:
        """Enter what a job of an earlier run holds already."""
        with self._lock:
            self._held[job_id] = tuple(gang)

    def held(self) -> Sequence[Limits]:
        """What all jobs hold together."""
        with self._lock:
            return [limits for gang in self._held.values() for limits in gang]

    def release(self, job_id: JobId) -> None:
        """Give back what a job holds, if anything."""
        with self._lock:
            self._held.pop(job_id, None)

    def clear(self) -> None:
        """Give back everything."""
        with self._lock:
            self._held.clear()
