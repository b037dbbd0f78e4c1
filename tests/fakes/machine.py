"""An in-memory machine with images and containers, and the controls that tests use on it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.errors import ContainerGone, RuntimeFailure
from processing_emulator.ports import (
    ContainerInfo,
    ContainerProcess,
    ContainerSpec,
    ContainerState,
    NetworkInfo,
    NetworkSpec,
    RawLine,
)
from tests.fakes.container_script import FakeRun, run_from_environment

PIECE_BYTES = 16_384
KILLED = 137
TERMINATED = 143
LOST = 255
"""What the engine reports of a container whose process it does not find after its own start."""


@dataclass(slots=True, kw_only=True, eq=False)
class FakeContainer:
    """One container and its state. Callers that wait for it see its exit even after its removal."""

    id: str
    spec: ContainerSpec
    labels: dict[str, str]
    run: FakeRun
    state: ContainerState = ContainerState.CREATED
    exit: ContainerExit | None = None
    ticks_left: int = 0
    pid: int = 0
    ended_from_outside: bool = False
    lines: list[RawLine] = field(default_factory=list)
    connected: set[str] = field(default_factory=set)
    """Second networks."""

    @property
    def is_running(self) -> bool:
        """Whether it is running."""
        return self.state is ContainerState.RUNNING

    @property
    def address(self) -> str | None:
        """Its IP address while it runs: the one it was given, or one on the default bridge."""
        if not self.is_running or self.spec.network is None:
            return None
        return self.spec.network.address or f"172.17.{int(self.id, 16) // 250 % 250}.{int(self.id, 16) % 250 + 2}"

    @property
    def own_exit(self) -> ContainerExit:
        """Its exit unless it is killed."""
        if self.run.out_of_memory:
            return ContainerExit(code=KILLED, out_of_memory=True)
        return ContainerExit(code=self.run.exit_code)

    def info(self) -> ContainerInfo:
        """The engine's description of it."""
        pid = self.pid if self.is_running else 0
        return ContainerInfo(
            id=self.id,
            name=self.spec.name,
            state=self.state,
            labels=self.labels,
            pid=pid,
            exit=self.exit,
            process=ContainerProcess(command=(*(self.spec.entrypoint or ()), *(self.spec.arguments or ()))),
        )


class FakeMachine:
    """Containers and images. `script` decides what a container does; by default its FAKE_ variables do.

    `images` are local, those in `registry` can be pulled; with `images` None every image is local. `changed` guards all
    state and is notified of every change. `has_lost_lines`: whoever reads a log is told that lines were dropped.
    """

    def __init__(
        self,
        *,
        script: Callable[[ContainerSpec], FakeRun] = run_from_environment,
        images: Iterable[str] | None = None,
        registry: Iterable[str] = (),
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.script = script
        self.images = None if images is None else set(images)
        self.registry = set(registry)
        self.changed = threading.Condition(threading.RLock())
        self.holds_pulls = False
        self.has_overlays = True
        self.has_lost_lines = False
        self._time_ns = time_ns
        self.networks: dict[str, NetworkInfo] = {}
        self.snapshots: dict[str, str] = {}
        """References of snapshots, and the containers they were made of."""
        self._containers: dict[str, FakeContainer] = {}
        self._made = 0

    # --- controls for tests ---

    def release(self, name: str, exit_code: int | None = None) -> None:
        """Let a running container exit, with its scripted code or `exit_code`."""
        container = self._must_find(name)
        self.end(container, container.own_exit if exit_code is None else ContainerExit(code=exit_code))

    def kill_for_memory(self, name: str) -> None:
        """End a running container as the out-of-memory killer does."""
        self.end(self._must_find(name), ContainerExit(code=KILLED, out_of_memory=True))

    def restart(self, exit_code: int = LOST) -> None:
        """Start the machine again, or only its engine, which ends the containers that run."""
        with self.changed:
            for container in self.containers():
                container.ended_from_outside = container.is_running
                self.end(container, ContainerExit(code=exit_code))

    def print_line(self, name: str, line: bytes) -> None:
        """Let a container print a line, without its newline."""
        self.write(self._must_find(name), line)

    def rotate_log(self, name: str, keep: int) -> None:
        """Drop all lines of a log but the last, while nobody reads it."""
        with self.changed:
            del self._must_find(name).lines[:-keep]

    def tick(self, times: int = 1) -> None:
        """Advance the containers that run for a number of ticks."""
        with self.changed:
            for container in self.containers():
                if container.is_running and container.ticks_left:
                    container.ticks_left = max(0, container.ticks_left - times)
                    if container.ticks_left == 0:
                        self.end(container, container.own_exit)

    @contextmanager
    def pulls_held(self) -> Iterator[None]:
        """While the block runs, pulls start but do not finish."""
        self.holds_pulls = True
        try:
            yield
        finally:
            with self.changed:
                self.holds_pulls = False
                self.changed.notify_all()

    def names(self) -> list[str]:
        """The names of all containers, in any state."""
        return [container.spec.name for container in self.containers()]

    def await_state(self, name: str, state: ContainerState, seconds: float = 10.0) -> ContainerInfo:
        """Wait until the container exists and has this state. Raises TimeoutError."""
        with self.changed:
            if not self.changed.wait_for(lambda: self._state_of(name) is state, seconds):
                raise TimeoutError(f"container {name} was not {state} within {seconds:g} s; there are {self.names()}")
            return self._must_find(name).info()

    # --- operations on containers ---

    def containers(self) -> list[FakeContainer]:
        """All containers, in order of creation."""
        with self.changed:
            return list(self._containers.values())

    def named(self, name: str) -> FakeContainer | None:
        """The container with this name."""
        return next((container for container in self.containers() if container.spec.name == name), None)

    def find(self, container_id: str) -> FakeContainer | None:
        """The container with this id."""
        return self._containers.get(container_id)

    def get(self, container_id: str) -> FakeContainer:
        """The container with this id. Raises ContainerGone."""
        container = self._containers.get(container_id)
        if container is None:
            raise ContainerGone(f"No such container: {container_id}")
        return container

    def add(self, spec: ContainerSpec, labels: dict[str, str]) -> FakeContainer:
        """Create a container."""
        with self.changed:
            self._made += 1
            container = FakeContainer(id=f"{self._made:064x}", spec=spec, labels=labels, run=self.script(spec))
            self._containers[container.id] = container
            return container

    def run(self, container: FakeContainer) -> None:
        """Start a container: it prints and works, and exits at once unless its script holds it."""
        run = container.run
        with self.changed:
            container.state, container.exit = ContainerState.RUNNING, None
            container.pid, container.ticks_left = self._made, run.ticks
            for line in run.prints:
                self.write(container, line)
            self.changed.notify_all()
        if run.work is not None:
            run.work(container.spec)
        if not run.holds and run.ticks == 0:
            self.end(container, container.own_exit)

    def write(self, container: FakeContainer, line: bytes) -> None:
        """Add a line of output; like the real engine, split it after 16 KiB."""
        with self.changed:
            for start in range(0, max(1, len(line)), PIECE_BYTES):
                newest = container.lines[-1].at_ns if container.lines else 0
                stamp = max(self._time_ns(), newest + 1)
                container.lines.append(RawLine(at_ns=stamp, data=line[start : start + PIECE_BYTES]))
            self.changed.notify_all()

    def end(self, container: FakeContainer, ended: ContainerExit) -> None:
        """Let a running container exit."""
        with self.changed:
            if container.is_running:
                container.state, container.exit = ContainerState.EXITED, ended
                if container.spec.dialogue is not None:
                    self._containers.pop(container.id, None)
                self.changed.notify_all()

    def remove(self, container_id: str) -> None:
        """Kill the container if it runs, and remove it. Tests use this for removal by a third party."""
        with self.changed:
            container = self._containers.pop(container_id, None)
            if container is not None:
                self.end(container, ContainerExit(code=KILLED))
                self.changed.notify_all()

    def add_network(self, spec: NetworkSpec, labels: dict[str, str]) -> NetworkInfo:
        """A new network with a subnet that no other has. Raises RuntimeFailure when the name is taken."""
        with self.changed:
            if self.network_named(spec.name) is not None:
                raise RuntimeFailure(f"network with name {spec.name} already exists")
            self._made += 1
            made = NetworkInfo(
                id=f"{self._made:064x}",
                name=spec.name,
                labels=labels,
                subnet=IPv4Network((f"10.{self._made % 256}.0.0", 24)),
                gateway=IPv4Address(f"10.{self._made % 256}.0.1"),
            )
            self.networks[made.id] = made
            return made

    def network_named(self, name: str) -> NetworkInfo | None:
        """The network of that name."""
        with self.changed:
            return next((network for network in self.networks.values() if network.name == name), None)

    def remove_network(self, network_id: str) -> None:
        """Remove it, if it is there. Raises RuntimeFailure while a container runs in it."""
        with self.changed:
            network = self.networks.get(network_id)
            if network is None:
                return
            for container in self.containers():
                attachment = container.spec.network
                names = container.connected | ({attachment.network} if attachment is not None else set())
                if container.is_running and network.name in names:
                    raise RuntimeFailure(f"network {network.name} has active endpoints")
            del self.networks[network_id]

    def has_image(self, reference: str) -> bool:
        """Whether an image is local, by reference or id."""
        if reference in self.snapshots:
            return True
        return self.images is None or reference.removeprefix("sha256:") in self.images

    def _must_find(self, name: str) -> FakeContainer:
        container = self.named(name)
        if container is None:
            raise KeyError(f"no container {name}; there are {self.names()}")
        return container

    def _state_of(self, name: str) -> ContainerState | None:
        container = self.named(name)
        return container.state if container else None
