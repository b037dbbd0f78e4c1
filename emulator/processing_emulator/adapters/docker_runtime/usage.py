"""Measures CPU and memory of a running container: from its cgroup files if they are readable, else by the engine.

Reading the files takes a hundredth of the time of the engine's statistics. They are used only if their path contains
the container's id, because inside a container a process id of the engine's host may be another process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.containers import container_info
from processing_emulator.domain.usage import UsageReading
from processing_emulator.errors import ContainerGone
from processing_emulator.ports import ContainerState

_NANO = 1e9
_MICRO = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupFiles:
    """The files with the figures of one container, for this version of the cgroup hierarchy."""

    version: int
    cpu: Path
    memory: Path
    memory_stat: Path
    high_water: Path

    def read(self) -> UsageReading:
        """Raises OSError once the container has ended."""
        is_old = self.version == 1
        cpu = self.cpu.read_bytes()
        return UsageReading(
            cpu_seconds=int(cpu) / _NANO if is_old else _field(cpu, b"usage_usec") / _MICRO,
            memory_bytes=self._memory_without(b"total_inactive_file" if is_old else b"inactive_file"),
            memory_high_water_bytes=self._high_water(),
        )

    def _high_water(self) -> int | None:
        """The most memory that was ever used; kernels before 5.19 do not count it in cgroup v2."""
        try:
            return int(self.high_water.read_bytes())
        except FileNotFoundError:
            return None

    def _memory_without(self, cache: bytes) -> int:
        """Used memory without the inactive file cache, as `docker stats` counts it."""
        return max(0, int(self.memory.read_bytes()) - _field(self.memory_stat.read_bytes(), cache))


def _field(stat: bytes, name: bytes) -> int:
    """A value from a file of lines `name value`; 0 if there is none."""
    start = 0 if stat.startswith(name + b" ") else stat.find(b"\n" + name + b" ") + 1
    if start == 0 and not stat.startswith(name + b" "):
        return 0
    return int(stat[start + len(name) :].split(None, 1)[0])


def find_cgroup(container_id: str, pid: int, root: Path = Path("/")) -> CgroupFiles | None:
    """The files of a container, found by its first process; None if there are none or they are another's."""
    try:
        membership = (root / f"proc/{pid}/cgroup").read_text()
    except OSError:
        return None
    paths = {
        controller: path
        for _, controllers, path in (line.split(":", 2) for line in membership.splitlines())
        for controller in controllers.split(",")
        if container_id in path
    }
    base = root / "sys/fs/cgroup"
    if "memory" in paths and "cpuacct" in paths:
        memory, cpu = base / "memory" / paths["memory"].lstrip("/"), base / "cpuacct" / paths["cpuacct"].lstrip("/")
        files = CgroupFiles(
            version=1,
            cpu=cpu / "cpuacct.usage",
            memory=memory / "memory.usage_in_bytes",
            memory_stat=memory / "memory.stat",
            high_water=memory / "memory.max_usage_in_bytes",
        )
    elif "" in paths:
        folder = base / paths[""].lstrip("/")
        files = CgroupFiles(
            version=2,
            cpu=folder / "cpu.stat",
            memory=folder / "memory.current",
            memory_stat=folder / "memory.stat",
            high_water=folder / "memory.peak",
        )
    else:
        return None
    return files if files.cpu.exists() and files.memory.exists() else None


def usage_from_stats(document: Mapping[str, Any]) -> UsageReading | None:
    """Parse the engine's statistics; None if the container is not running."""
    memory = document.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    stats = memory.get("stats") or {}
    cache = stats.get("total_inactive_file", stats.get("inactive_file", 0))
    return UsageReading(
        cpu_seconds=document["cpu_stats"]["cpu_usage"]["total_usage"] / _NANO,
        memory_bytes=max(0, memory["usage"] - cache),
        memory_high_water_bytes=memory.get("max_usage"),
    )


class UsageReader:
    """Reads usage, and caches for each running container where its figures come from."""

    def __init__(self, engine: Engine, root: Path = Path("/")) -> None:
        self._engine = engine
        self._root = root
        self._sources: dict[str, Callable[[], UsageReading | None]] = {}

    def read(self, container_id: str) -> UsageReading | None:
        """See `ContainerRuntime.read_usage`."""
        source = self._sources.get(container_id)
        try:
            if source is None:
                source = self._find_source(container_id)
            return source()
        except (OSError, ContainerGone):
            self.forget(container_id)
            return None

    def forget(self, container_id: str) -> None:
        """Drop the cached source of a container that has ended."""
        self._sources.pop(container_id, None)

    def _find_source(self, container_id: str) -> Callable[[], UsageReading | None]:
        with self._engine.call(Call.INSPECT) as api:
            info = container_info(api.inspect_container(container_id))
        if info.state is not ContainerState.RUNNING:
            return lambda: None
        files = find_cgroup(info.id, info.pid, self._root)
        source = files.read if files else partial(self._ask, container_id)
        self._sources[container_id] = source
        return source

    def _ask(self, container_id: str) -> UsageReading | None:
        with self._engine.call(Call.USAGE) as api:
            try:
                document = api.stats(container_id, stream=False, one_shot=True)
            except docker.errors.APIError as error:
                if error.status_code == 409:  # ended since it was inspected
                    return None
                raise
        return usage_from_stats(document)
