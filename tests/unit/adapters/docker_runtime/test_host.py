"""What a host gives to jobs: what the engine says, or what its user grants."""

import pytest
from processing_emulator.adapters.docker_runtime.host import DockerHostProbe
from processing_emulator.domain.capacity import NodeCapacity
from processing_emulator.domain.usage import GpuReading
from processing_emulator.errors import RuntimeUnavailable

from tests.fakes.probes import FakeGpuProbe
from tests.fakes.runtime import FakeRuntime

GIB = 1024**3
GPU = GpuReading(gpu_id="GPU-1", utilization_percent=0, memory_used_bytes=0, memory_total_bytes=1)


def test_capacity_is_what_the_engine_has() -> None:
    probe = DockerHostProbe(FakeRuntime(), FakeGpuProbe([GPU]), None, None)

    assert probe.capacity() == NodeCapacity(vcpus=4.0, memory_bytes=16 * GIB, gpu_ids=("GPU-1",), container_cpus=4.0)


def test_user_may_grant_less_or_more_but_no_container_gets_cpus_that_are_not_there() -> None:
    probe = DockerHostProbe(FakeRuntime(), FakeGpuProbe(), 64.0, GIB)

    assert probe.capacity() == NodeCapacity(vcpus=64.0, memory_bytes=GIB, gpu_ids=(), container_cpus=4.0)


def test_capacity_is_unknown_while_the_engine_is_away() -> None:
    runtime = FakeRuntime()
    runtime.lose_engine()

    with pytest.raises(RuntimeUnavailable):
        DockerHostProbe(runtime, FakeGpuProbe(), None, None).capacity()
