"""The capacity that the engine's host offers to jobs."""

from processing_emulator.domain.capacity import NodeCapacity
from processing_emulator.domain.job import LOCAL_NODE
from processing_emulator.ports import ContainerRuntime, GpuProbe


class DockerHostProbe:
    """HostProbe: what the engine says of its host, or what its user grants instead.

    `cpus` and `memory_bytes` None: all there is. A container never gets more CPUs than there are, the engine would
    refuse it; so more than that only means that more containers run side by side.
    """

    def __init__(
        self,
        runtime: ContainerRuntime,
        gpu_probe: GpuProbe,
        cpus: float | None,
        memory_bytes: int | None,
        node: str = LOCAL_NODE,
    ) -> None:
        self._runtime = runtime
        self._gpu_probe = gpu_probe
        self._cpus = cpus
        self._node = node
        self._memory_bytes = memory_bytes

    def capacity(self) -> NodeCapacity:
        """Raises RuntimeUnavailable as long as the engine does not answer."""
        engine = self._runtime.info()
        return NodeCapacity(
            node=self._node,
            vcpus=self._cpus if self._cpus is not None else float(engine.cpus),
            memory_bytes=self._memory_bytes if self._memory_bytes is not None else engine.memory_bytes,
            gpu_ids=self._gpu_probe.gpu_ids(),
            container_cpus=float(engine.cpus),
        )
