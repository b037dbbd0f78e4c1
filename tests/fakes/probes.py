"""Fake probes of the host and its GPUs."""

from collections.abc import Iterable

from processing_emulator.domain.capacity import NodeCapacity
from processing_emulator.domain.usage import GpuReading
from processing_emulator.errors import RuntimeUnavailable


class FakeGpuProbe:
    """A GpuProbe with the given GPUs. Tests may change `readings`; a GPU that is missing there is lost."""

    def __init__(self, readings: Iterable[GpuReading] = ()) -> None:
        self.readings = {reading.gpu_id: reading for reading in readings}

    def gpu_ids(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(self.readings)

    def read(self, gpu_ids: tuple[str, ...]) -> tuple[GpuReading, ...]:
        """See the port."""
        readings = self.readings
        return tuple(readings[gpu_id] for gpu_id in gpu_ids if gpu_id in readings)


class FakeHostProbe:
    """A HostProbe of the described host. Tests may change `host`; None means that the engine does not answer.

    `looks` counts the calls.
    """

    def __init__(
        self,
        *,
        vcpus: float = 4.0,
        memory_bytes: int = 16 * 1024**3,
        gpu_ids: tuple[str, ...] = (),
        container_cpus: float | None = None,
    ) -> None:
        self.looks = 0
        self.host: NodeCapacity | None = NodeCapacity(
            vcpus=vcpus,
            memory_bytes=memory_bytes,
            gpu_ids=gpu_ids,
            container_cpus=vcpus if container_cpus is None else container_cpus,
        )

    def capacity(self) -> NodeCapacity:
        """See the port."""
        self.looks += 1
        if self.host is None:
            raise RuntimeUnavailable("No Docker engine answers: it was taken away by the test")
        return self.host
