"""CPU and memory of a busy container, from its cgroup files and from the engine's statistics."""

from pathlib import Path

import docker
import pytest

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.adapters.docker_runtime.usage import UsageReader
from tests.fixtures_docker import MIB, a_container, missing
from tests.waiting import wait_for

BUSY = """
import time
held = bytearray(40 << 20)
while time.process_time() < 0.5: pass
print("done", flush=True)
time.sleep(600)
"""


@pytest.fixture
def busy(docker_runtime: DockerRuntime) -> str:
    """A container that has used half a second of CPU and holds 40 MiB."""
    container_id = docker_runtime.create(a_container("python3", "-c", BUSY))
    docker_runtime.start(container_id)
    next(iter(docker_runtime.stream_logs(container_id, 0)))
    return container_id


def test_reports_used_cpu_and_memory(docker_runtime: DockerRuntime, busy: str) -> None:
    reading = docker_runtime.read_usage(busy)

    assert reading is not None
    assert 0.5 <= reading.cpu_seconds < 3
    assert 40 * MIB <= reading.memory_bytes < 80 * MIB


def test_engine_statistics_equal_the_cgroup_files(docker_runtime: DockerRuntime, busy: str, tmp_path: Path) -> None:
    by_files = docker_runtime.read_usage(busy)
    engine = Engine()
    by_engine = UsageReader(engine, root=tmp_path).read(busy)
    engine.close()

    assert by_files is not None
    assert by_engine is not None
    assert by_engine.cpu_seconds == pytest.approx(by_files.cpu_seconds, abs=0.1)
    assert by_engine.memory_bytes == pytest.approx(by_files.memory_bytes, abs=2 * MIB)


def test_exited_container_has_no_figures(docker_runtime: DockerRuntime, busy: str, tmp_path: Path) -> None:
    engine = Engine()
    reader = UsageReader(engine, root=tmp_path)
    assert reader.read(busy) is not None
    docker_runtime.signal(busy, "SIGKILL")
    docker_runtime.wait(busy)

    assert reader.read(busy) is None
    docker_runtime.remove(busy)
    assert reader.read(busy) is None
    engine.close()


def test_file_cache_does_not_count_as_memory(docker_runtime: DockerRuntime) -> None:
    code = "open('/big', 'wb').write(bytes(60 << 20)); print('written', flush=True); import time; time.sleep(600)"
    container_id = docker_runtime.create(a_container("python3", "-c", code, memory_bytes=256 * MIB))
    docker_runtime.start(container_id)
    next(iter(docker_runtime.stream_logs(container_id, 0)))

    def settled() -> bool:
        """Dirty pages count as active until they are written back."""
        reading = docker_runtime.read_usage(container_id)
        return reading is not None and reading.memory_bytes < 40 * MIB

    wait_for("the file cache to be left out", settled)


def test_figures_come_from_cgroup_files_on_the_engine_s_machine(
    docker_runtime: DockerRuntime, busy: str, api: docker.APIClient
) -> None:
    """A call of the engine's statistics takes a second; reading files does not."""
    pid = docker_runtime.inspect(busy).pid
    if not Path(f"/proc/{pid}/cgroup").exists():
        missing("the engine's processes are not visible here")
    assert docker_runtime.read_usage(busy) is not None
    docker_runtime.close()

    assert docker_runtime.read_usage(busy) is not None
