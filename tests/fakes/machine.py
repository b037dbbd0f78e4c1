"""A machine in memory with images and containers that run in no process; what a test does to it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.errors import ContainerGone
from processing_emulator.ports import ContainerInfo, ContainerSpec, ContainerState, RawLine

from tests.fakes.container_script import FakeRun, run_from_environment

PIECE_BYTES = 16_384
KILLED = 137
TERMINATED = 143


@dataclass(slots=True, kw_only=True, eq=False)
class FakeContainer:
    """One container and how far it has come. Once it is removed, those who wait for it still see its exit."""

    id: str
    spec: ContainerSpec
    labels: dict[str, str]
    run: FakeRun
    state: ContainerState = ContainerState.CREATED
    exit: ContainerExit | None = None
    ticks_left: int = 0
    pid: int = 0
    lines: list[RawLine] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        """Started, and not ended yet."""
        return self.state is ContainerState.RUNNING

    @property
    def own_exit(self) -> ContainerExit:
        """The exit it comes to when nobody kills it."""
        if self.run.out_of_memory:
            return ContainerExit(code=KILLED, out_of_memory=True)
        return ContainerExit(code=self.run.exit_code)

    def info(self) -> ContainerInfo:
        """What an engine tells of it."""
        pid = self.pid if self.is_running else 0
        return ContainerInfo(
            id=self.id, name=self.spec.name, state=self.state, labels=self.labels, pid=pid, exit=self.exit
        )


class FakeMachine:
    """Containers and images. `script` says what each container does; by default its environment does.

    `images` are here, `registry` can be pulled; `images` None: whatever is asked for is here. All state is guarded by
    `changed`, which is notified of every change.
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
        self._time_ns = time_ns
        self._containers: dict[str, FakeContainer] = {}
        self._made = 0

    # --- what a test does ---

    def release(self, name: str, exit_code: int | None = None) -> None:
        """Let a running container exit, with its own code or another."""
        container = self._must_find(name)
        self.end(container, container.own_exit if exit_code is None else ContainerExit(code=exit_code))

    def kill_for_memory(self, name: str) -> None:
        """End a running container as the out-of-memory killer does."""
        self.end(self._must_find(name), ContainerExit(code=KILLED, out_of_memory=True))

    def print_line(self, name: str, line: bytes) -> None:
        """Let a container print a line, without its newline."""
        self.write(self._must_find(name), line)

    def tick(self, times: int = 1) -> None:
        """Let time pass for containers that run for a number of ticks."""
        with self.changed:
            for container in self.containers():
                if container.is_running and container.ticks_left:
                    container.ticks_left = max(0, container.ticks_left - times)
                    if container.ticks_left == 0:
                        self.end(container, container.own_exit)

    @contextmanager
    def pulls_held(self) -> Iterator[None]:
        """Within, pulls begin and do not end."""
        self.holds_pulls = True
        try:
            yield
        finally:
            with self.changed:
                self.holds_pulls = False
                self.changed.notify_all()

    def names(self) -> list[str]:
        """All containers there are, in any state, whoever made them."""
        return [container.spec.name for container in self.containers()]

    def await_state(self, name: str, state: ContainerState, seconds: float = 10.0) -> ContainerInfo:
        """Wait until a container of that name is there and in that state. Raises TimeoutError."""
        with self.changed:
            if not self.changed.wait_for(lambda: self._state_of(name) is state, seconds):
                raise TimeoutError(f"container {name} was not {state} within {seconds:g} s; there are {self.names()}")
            return self._must_find(name).info()

    # --- what happens to containers ---

    def containers(self) -> list[FakeContainer]:
        """All containers, in the order they were made."""
        with self.changed:
            return list(self._containers.values())

    def named(self, name: str) -> FakeContainer | None:
        """The container of that name."""
        return next((container for container in self.containers() if container.spec.name == name), None)

    def find(self, container_id: str) -> FakeContainer | None:
        """The container of that id."""
        return self._containers.get(container_id)

    def get(self, container_id: str) -> FakeContainer:
        """The container of that id. Raises ContainerGone."""
        container = self._containers.get(container_id)
        if container is None:
            raise ContainerGone(f"No such container: {container_id}")
        return container

    def add(self, spec: ContainerSpec, labels: dict[str, str]) -> FakeContainer:
        """A new container, not started."""
        with self.changed:
            self._made += 1
            container = FakeContainer(id=f"{self._made:064x}", spec=spec, labels=labels, run=self.script(spec))
            self._containers[container.id] = container
            return container

    def run(self, container: FakeContainer) -> None:
        """Start it: it prints and works; without a reason to stay it exits at once."""
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
        """A line of output; longer than 16 KiB it becomes several, as with a real engine."""
        with self.changed:
            for start in range(0, max(1, len(line)), PIECE_BYTES):
                newest = container.lines[-1].at_ns if container.lines else 0
                stamp = max(self._time_ns(), newest + 1)
                container.lines.append(RawLine(at_ns=stamp, data=line[start : start + PIECE_BYTES]))
            self.changed.notify_all()

    def end(self, container: FakeContainer, ended: ContainerExit) -> None:
        """A running container exits."""
        with self.changed:
            if container.is_running:
                container.state, container.exit = ContainerState.EXITED, ended
                self.changed.notify_all()

    def remove(self, container_id: str) -> None:
        """Kill it if it runs; then it is gone. Somebody else than the emulator may do that too."""
        with self.changed:
            container = self._containers.pop(container_id, None)
            if container is not None:
                self.end(container, ContainerExit(code=KILLED))
                self.changed.notify_all()

    def has_image(self, reference: str) -> bool:
        """Whether an image is here, by reference or by id."""
        return self.images is None or reference.removeprefix("sha256:") in self.images

    def _must_find(self, name: str) -> FakeContainer:
        container = self.named(name)
        if container is None:
            raise KeyError(f"no container {name}; there are {self.names()}")
        return container

    def _state_of(self, name: str) -> ContainerState | None:
        container = self.named(name)
        return container.state if container else None
