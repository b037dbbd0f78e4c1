"""The book of reserved capacity on one host: who holds what, and what is free."""

import threading
from collections.abc import Sequence

from processing_emulator.domain.capacity import Ask, Free, HostCapacity, limits_for, short_of
from processing_emulator.domain.job import JobId, Limits


class CapacityLedger:
    """Reservations per job; idempotent, all or none. GPUs are held by id and never shared."""

    def __init__(self) -> None:
        self._held: dict[JobId, tuple[Limits, ...]] = {}
        self._lock = threading.Lock()

    def free(self, host: HostCapacity) -> Free:
        """What is not reserved; jobs taken over after a restart may hold more than there is."""
        with self._lock:
            return self._free(host)

    def _free(self, host: HostCapacity) -> Free:
        held = [limits for gang in self._held.values() for limits in gang]
        taken = {gpu for limits in held for gpu in limits.gpu_ids}
        return Free(
            vcpus=host.vcpus - sum(limits.reserved_vcpus for limits in held),
            memory_bytes=host.memory_bytes - sum(limits.memory_bytes for limits in held),
            gpu_ids=tuple(gpu for gpu in host.gpu_ids if gpu not in taken),
        )

    def reserve(self, job_id: JobId, asks: Sequence[Ask], host: HostCapacity) -> tuple[Limits, ...] | str:
        """The limits of each instance, or what the gang has to wait for."""
        with self._lock:
            if job_id in self._held:
                return self._held[job_id]
            free = self._free(host)
            shortage = short_of(asks, free)
            if shortage is not None:
                return shortage
            gpus = list(free.gpu_ids)
            gang = []
            for ask in asks:
                gang.append(limits_for(ask, tuple(gpus[: ask.gpus]), host))
                del gpus[: ask.gpus]
            self._held[job_id] = tuple(gang)
            return self._held[job_id]

    def restore(self, job_id: JobId, gang: Sequence[Limits]) -> None:
        """Book what a job taken over after a restart holds already."""
        with self._lock:
            self._held[job_id] = tuple(gang)

    def clear(self) -> None:
        """Nobody holds anything any more."""
        with self._lock:
            self._held.clear()

    def release(self, job_id: JobId) -> None:
        """Give back what a job holds, if anything."""
        with self._lock:
            self._held.pop(job_id, None)
