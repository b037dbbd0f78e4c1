"""CPU and memory from cgroup v1 and v2 files, and from the engine's statistics."""

from pathlib import Path
from typing import Any

import pytest

from processing_emulator.adapters.docker_runtime.usage import find_cgroup, usage_from_stats
from processing_emulator.domain.usage import UsageReading

ID = "c" * 64
OTHER = "d" * 64


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    put(tmp_path, "proc/42/cgroup", f"5:memory:/docker/{ID}\n3:cpu,cpuacct:/docker/{ID}\n1:name=systemd:/x\n0::/\n")
    put(tmp_path, f"sys/fs/cgroup/cpuacct/docker/{ID}/cpuacct.usage", "2500000000\n")
    put(tmp_path, f"sys/fs/cgroup/memory/docker/{ID}/memory.usage_in_bytes", "1000\n")
    put(tmp_path, f"sys/fs/cgroup/memory/docker/{ID}/memory.max_usage_in_bytes", "2000\n")
    put(
        tmp_path,
        f"sys/fs/cgroup/memory/docker/{ID}/memory.stat",
        "cache 1\ninactive_file 100\ntotal_inactive_file 300\n",
    )
    return tmp_path


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    folder = f"system.slice/docker-{ID}.scope"
    put(tmp_path, "proc/42/cgroup", f"0::/{folder}\n")
    put(tmp_path, f"sys/fs/cgroup/{folder}/cpu.stat", "usage_usec 2500000\nuser_usec 1\n")
    put(tmp_path, f"sys/fs/cgroup/{folder}/memory.current", "1000\n")
    put(tmp_path, f"sys/fs/cgroup/{folder}/memory.peak", "2000\n")
    put(tmp_path, f"sys/fs/cgroup/{folder}/memory.stat", "anon 5\ninactive_file 300\nactive_file 7\n")
    return tmp_path


@pytest.mark.parametrize("version", ["version_1", "version_2"])
def test_cgroup_v1_and_v2_files_give_the_same_figures(version: str, request: pytest.FixtureRequest) -> None:
    files = find_cgroup(ID, 42, request.getfixturevalue(version))

    assert files is not None
    assert files.read() == UsageReading(cpu_seconds=2.5, memory_bytes=700, memory_high_water_bytes=2000)


def test_old_kernels_have_no_high_water_mark(version_2: Path) -> None:
    (version_2 / f"sys/fs/cgroup/system.slice/docker-{ID}.scope/memory.peak").unlink()
    files = find_cgroup(ID, 42, version_2)

    assert files is not None
    assert files.read() == UsageReading(cpu_seconds=2.5, memory_bytes=700)


@pytest.mark.parametrize("version", ["version_1", "version_2"])
def test_ignores_files_of_another_process(version: str, request: pytest.FixtureRequest) -> None:
    assert find_cgroup(OTHER, 42, request.getfixturevalue(version)) is None


def test_ignores_missing_processes_and_files(version_2: Path) -> None:
    assert find_cgroup(ID, 43, version_2) is None
    (version_2 / f"sys/fs/cgroup/system.slice/docker-{ID}.scope/memory.current").unlink()
    assert find_cgroup(ID, 42, version_2) is None


def test_no_figures_when_the_container_has_gone(version_1: Path) -> None:
    files = find_cgroup(ID, 42, version_1)
    assert files is not None
    (version_1 / f"sys/fs/cgroup/cpuacct/docker/{ID}/cpuacct.usage").unlink()

    with pytest.raises(FileNotFoundError):
        files.read()


def test_memory_without_file_cache(version_2: Path) -> None:
    put(version_2, f"sys/fs/cgroup/system.slice/docker-{ID}.scope/memory.stat", "anon 5\nxinactive_file 300\n")
    files = find_cgroup(ID, 42, version_2)

    assert files is not None
    assert files.read().memory_bytes == 1000


@pytest.mark.parametrize("stats", [{"total_inactive_file": 300, "inactive_file": 9}, {"inactive_file": 300}])
def test_cgroup_v1_and_v2_statistics_give_the_same_figures(stats: dict[str, int]) -> None:
    document: dict[str, Any] = {
        "memory_stats": {"usage": 1000, "stats": stats},
        "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
    }

    assert usage_from_stats(document) == UsageReading(cpu_seconds=2.5, memory_bytes=700)


def test_no_statistics_of_a_stopped_container() -> None:
    assert usage_from_stats({"memory_stats": {}, "cpu_stats": {"cpu_usage": {"total_usage": 0}}}) is None
