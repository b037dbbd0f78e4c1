"""The capacity for jobs: that of the engine, or the configured one."""

import pytest

from processing_emulator.adapters.docker_runtime.host import DockerHostProbe
from processing_emulator.domain.capacity import NodeCapacity
from processing_emulator.domain.usage import GpuReading
from processing_emulator.errors import RuntimeUnavailable
from tests.fakes.probes import FakeGpuProbe
from tests.fakes.runtime import FakeRuntime

GIB = 1024**3
GPU = GpuReading(gpu_id="GPU-1", utilization_percent=0, memory_used_bytes=0, memory_total_bytes=1)


def test_capacity_comes_from_the_engine() -> None:
    probe = DockerHostProbe(FakeRuntime(), FakeGpuProbe([GPU]), None, None)

    assert probe.capacity() == NodeCapacity(vcpus=4.0, memory_bytes=16 * GIB, gpu_ids=("GPU-1",), container_cpus=4.0)


def test_configured_capacity_does_not_give_containers_more_cpus_than_the_engine_has() -> None:
    probe = DockerHostProbe(FakeRuntime(), FakeGpuProbe(), 64.0, GIB)

    assert probe.capacity() == NodeCapacity(vcpus=64.0, memory_bytes=GIB, gpu_ids=(), container_cpus=4.0)


def test_capacity_is_unavailable_without_the_engine() -> None:
    runtime = FakeRuntime()
    runtime.lose_engine()

    with pytest.raises(RuntimeUnavailable):
        DockerHostProbe(runtime, FakeGpuProbe(), None, None).capacity()
