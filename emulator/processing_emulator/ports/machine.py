"""What a machine offers."""

from typing import Protocol

from processing_emulator.domain.capacity import NodeCapacity
from processing_emulator.domain.usage import GpuReading


class GpuProbe(Protocol):
    """The GPUs of this machine."""

    def gpu_ids(self) -> tuple[str, ...]:
        """The UUIDs of all GPUs; empty without driver or GPU."""
        ...

    def read(self, gpu_ids: tuple[str, ...]) -> tuple[GpuReading, ...]:
        """One reading for each id that answers."""
        ...


class HostProbe(Protocol):
    """What this machine gives to jobs."""

    def capacity(self) -> NodeCapacity:
        """Raises RuntimeUnavailable as long as the engine does not answer."""
        ...
