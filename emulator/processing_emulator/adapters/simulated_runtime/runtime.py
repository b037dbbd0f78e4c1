"""A ContainerRuntime without an engine, for machines that have no Docker: containers are simulated in this process."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from ipaddress import IPv4Network
from pathlib import Path

from processing_emulator.adapters.simulated_runtime.containers import KILLED, SimulatedContainer
from processing_emulator.domain.job import NANOSECONDS
from processing_emulator.domain.log_events import RawLine
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.domain.usage import UsageReading
from processing_emulator.errors import ContainerGone, ContainerNotStarted, RuntimeFailure
from processing_emulator.ports import (
    CancelToken,
    ContainerInfo,
    ContainerSpec,
    ContainerState,
    EngineInfo,
    ImageInfo,
    NetworkInfo,
    NetworkSpec,
    OverlayMount,
    PullPolicy,
)

_SIGNALS = {"SIGHUP": 129, "SIGINT": 130, "SIGQUIT": 131, "SIGKILL": KILLED, "SIGUSR1": 138, "SIGUSR2": 140}
_TERMINATED = 143
_PLENTY = EngineInfo(
    version="simulated", cpus=4096, memory_bytes=64 * 1024**4, storage_driver="none", cgroup_version="none"
)
"""Simulated jobs take no room, so that none waits for it."""

_SHARED = "simulated-shared"


class SimulatedRuntime:
    """Implements `ports.ContainerRuntime`. Everything ends with the process."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._numbers = itertools.count(1)
        self._containers: dict[str, SimulatedContainer] = {}
        self._networks: dict[str, NetworkInfo] = {}

    def close(self) -> None:
        """End all waits."""
        for container in self._all():
            container.close()

    def info(self) -> EngineInfo:
        """See the port."""
        return _PLENTY

    def ensure_image(
        self, reference: str, policy: PullPolicy, on_progress: Callable[[str], None], cancel: CancelToken
    ) -> ImageInfo:
        """See the port. Every image is there, because none is run."""
        return ImageInfo(id=reference)

    def find(self, name: str) -> ContainerInfo | None:
        """See the port."""
        return next((container.info() for container in self._all() if container.spec.name == name), None)

    def can_mount(self, image_id: str, overlay: OverlayMount) -> bool:
        """See the port."""
        return False

    def create(self, spec: ContainerSpec) -> str:
        """See the port."""
        with self._changed:
            if any(container.spec.name == spec.name for container in self._containers.values()):
                raise ContainerNotStarted(f"the container name {spec.name} is already in use")
            made = SimulatedContainer(id=f"{next(self._numbers):064x}", spec=spec, changed=self._changed)
            self._containers[made.id] = made
            return made.id

    def start(self, container_id: str) -> None:
        """See the port."""
        self._get(container_id).start()

    def inspect(self, container_id: str) -> ContainerInfo:
        """See the port."""
        return self._get(container_id).info()

    def wait(self, container_id: str) -> ContainerExit:
        """See the port."""
        container = self._get(container_id)
        if container.state is ContainerState.CREATED:
            raise ContainerNotStarted(f"container {container.spec.name} was never started")
        return container.wait()

    def was_ended_from_outside(self, container_id: str, *, engine_lost_at: datetime | None) -> bool:
        """See the port: only by this runtime, which its caller knows."""
        return False

    def signal(self, container_id: str, signal: str) -> None:
        """See the port. Every signal ends it."""
        container = self._containers.get(container_id)
        if container is not None:
            container.end(_SIGNALS.get(signal, _TERMINATED))

    def handles_signal(self, container_id: str, signal: str) -> bool | None:
        """See the port."""
        return True

    def remove(self, container_id: str) -> None:
        """See the port."""
        container = self._containers.get(container_id)
        if container is not None:
            container.end(KILLED)
            with self._changed:
                self._containers.pop(container_id, None)

    def has_file(self, container_id: str, path: str) -> bool:
        """See the port. It has no file system."""
        self._get(container_id)
        return False

    def snapshot(self, container_id: str, name: str) -> ImageInfo:
        """See the port. Raises RuntimeFailure."""
        raise RuntimeFailure("Containers are simulated here, so there is no file system to look into.")

    def list_snapshots(self) -> Sequence[str]:
        """See the port. There are none."""
        return ()

    def remove_snapshot(self, name: str) -> None:
        """See the port."""

    def list_ours(self) -> Sequence[ContainerInfo]:
        """See the port."""
        return [container.info() for container in self._all()]

    def job_addresses(self) -> set[str]:
        """See the port. Nothing runs that could send a request."""
        return set()

    def remove_unused_volumes(self) -> None:
        """See the port. There are none."""

    def create_network(self, spec: NetworkSpec) -> NetworkInfo:
        """See the port."""
        with self._changed:
            if self.find_network(spec.name) is not None:
                raise RuntimeFailure(f"network {spec.name} already exists")
            number = next(self._numbers)
            subnet = IPv4Network((f"10.{number // 256 % 256}.{number % 256}.0", 24))
            made = NetworkInfo(
                id=f"{number:064x}", name=spec.name, labels=spec.labels, subnet=subnet, gateway=subnet[1]
            )
            self._networks[made.id] = made
            return made

    def shared_network(self) -> str:
        """See the port."""
        return _SHARED

    def connect_network(self, container_id: str, name: str) -> None:
        """See the port. Nothing is sent through it."""
        self._get(container_id)

    def find_network(self, name: str) -> NetworkInfo | None:
        """See the port."""
        return next((network for network in self.list_networks() if network.name == name), None)

    def remove_network(self, network_id: str) -> None:
        """See the port."""
        self._networks.pop(network_id, None)

    def list_networks(self) -> Sequence[NetworkInfo]:
        """See the port."""
        return list(self._networks.values())

    def stream_logs(
        self, container_id: str, since_second: int, when_lost: Callable[[], None] = lambda: None
    ) -> Iterator[Sequence[RawLine]]:
        """See the port."""
        return self._get(container_id).log(since_second * NANOSECONDS)

    def unlinked_bytes(self, container_id: str, folder: Path) -> int:
        """See the port."""
        return 0

    def read_usage(self, container_id: str) -> UsageReading | None:
        """See the port. What does not run uses nothing that could be measured."""
        return None

    def _all(self) -> list[SimulatedContainer]:
        with self._changed:
            return list(self._containers.values())

    def _get(self, container_id: str) -> SimulatedContainer:
        container = self._containers.get(container_id)
        if container is None:
            raise ContainerGone(f"No such container: {container_id}")
        return container
