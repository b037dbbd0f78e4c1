"""A host and GPUs that a test describes."""

from collections.abc import Iterable

from processing_emulator.domain.capacity import NodeCapacity
from processing_emulator.domain.usage import GpuReading
from processing_emulator.errors import RuntimeUnavailable


class FakeGpuProbe:
    """GpuProbe with the GPUs it is given; `readings` may be changed at any time, a GPU left out has vanished."""

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
    """HostProbe of the host that is described. A test may put another in `host`; None: the engine does not answer.

    `looks` counts how often it was asked.
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
