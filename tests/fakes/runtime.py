"""A ContainerRuntime in memory, on a `FakeMachine` with scripted containers."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from processing_emulator.adapters.docker_runtime.errors import manifest_unknown
from processing_emulator.adapters.docker_runtime.images import not_built
from processing_emulator.adapters.docker_runtime.references import parse_reference
from processing_emulator.domain.job import NANOSECONDS
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.domain.usage import UsageReading
from processing_emulator.errors import (
    Cancelled,
    ContainerGone,
    ContainerNotStarted,
    EmulatorError,
    ImageNotFound,
    RuntimeFailure,
    RuntimeUnavailable,
    StartRejected,
)
from processing_emulator.ports import (
    BindMount,
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
    RawLine,
)
from tests.fakes.container_script import REJECTIONS
from tests.fakes.machine import KILLED, TERMINATED, FakeContainer, FakeMachine

LABEL_ID = "processing-emulator.id"
_BUILT_IN = ("bridge", "none", "shared")
_SNAPSHOTS = "processing-emulator/debug:"
_LOOK_SECONDS = 0.01


class FakeRuntime:
    """ContainerRuntime in memory. Two runtimes on one machine are two emulators that share an engine.

    What containers do is said by the machine's script or by their environment (`container_script`); `machine` also has
    the verbs that let them print, tick, end or disappear.
    """

    def __init__(self, emulator_id: str = "fake", machine: FakeMachine | None = None) -> None:
        self.machine = machine or FakeMachine()
        self.specs: list[ContainerSpec] = []
        """The spec of every created container, in order."""
        self.pulls: list[str] = []
        """Every pulled reference."""
        self.signals: list[tuple[str, str]] = []
        """Container name and signal, in order, of signals that reached a running container."""
        self._emulator_id = emulator_id
        self._changed = self.machine.changed
        self._lost = False
        self._pulling: Counter[str] = Counter()
        self._faults: dict[str, list[EmulatorError]] = defaultdict(list)

    # --- controls for tests ---

    def lose_engine(self) -> None:
        """Make every call fail, and end waits and log streams. Containers keep running."""
        with self._changed:
            self._lost = True
            self._changed.notify_all()

    def restore_engine(self) -> None:
        """Let the engine answer again."""
        with self._changed:
            self._lost = False

    def fail(self, verb: str, *errors: EmulatorError) -> None:
        """Let the next calls of a port method fail with these errors, in order."""
        self._faults[verb].extend(errors)

    def close(self) -> None:
        """Close the runtime for good, as `DockerRuntime.close` does."""
        self.lose_engine()

    # --- the port ---

    def info(self) -> EngineInfo:
        """See the port."""
        self._answer("info")
        return EngineInfo(
            version="fake", cpus=4, memory_bytes=16 * 1024**3, storage_driver="memory", cgroup_version="2"
        )

    def ensure_image(
        self, reference: str, policy: PullPolicy, on_progress: Callable[[str], None], cancel: CancelToken
    ) -> ImageInfo:
        """See the port."""
        self._answer("ensure_image")
        is_here, is_ours = self.machine.has_image(reference), parse_reference(reference).is_ours
        if is_ours and not is_here:
            raise ImageNotFound(f"{manifest_unknown(reference)} ({not_built(parse_reference(reference))})")
        if not is_here or (policy is PullPolicy.ALWAYS and not is_ours):
            known = self.machine.images is None or reference in self.machine.registry
            if policy is PullPolicy.NEVER or not known:
                raise ImageNotFound(manifest_unknown(reference))
            self._pull(reference, on_progress, cancel)
        digest = f"{parse_reference(reference).name}@sha256:{'5' * 64}"  # the same for all that were pulled
        digests = (digest,) if reference in self.pulls else ()
        return ImageInfo(id=f"sha256:{reference}", platform="linux/amd64", digests=digests)

    def find(self, name: str) -> ContainerInfo | None:
        """See the port."""
        self._answer("find")
        container = self.machine.named(name)
        return container.info() if container else None

    def can_mount(self, image_id: str, overlay: OverlayMount) -> bool:
        """See the port."""
        self._answer("can_mount")
        return self.machine.has_overlays

    def create(self, spec: ContainerSpec) -> str:
        """See the port."""
        self._answer("create")
        with self._changed:
            if self.machine.named(spec.name) is not None:
                raise ContainerNotStarted(f'the container name "{spec.name}" is already in use')
            if not self.machine.has_image(spec.image):
                raise ImageNotFound(f"No such image: {spec.image}")
            for mount in spec.mounts:
                if isinstance(mount, BindMount) and not mount.source.exists():
                    raise RuntimeFailure(f"bind source path does not exist: {mount.source}")
            self.specs.append(spec)
            return self.machine.add(spec, {**spec.labels, LABEL_ID: self._emulator_id}).id

    def start(self, container_id: str) -> None:
        """See the port."""
        self._answer("start")
        container = self.machine.get(container_id)
        if container.is_running:
            return
        self._mount(container.spec)
        code = container.run.rejected_with
        if code is not None:
            raise StartRejected(REJECTIONS.get(code, "refused"), code)
        self.machine.run(container)

    def inspect(self, container_id: str) -> ContainerInfo:
        """See the port."""
        self._answer("inspect")
        return self.machine.get(container_id).info()

    def wait(self, container_id: str) -> ContainerExit:
        """See the port."""
        self._answer("wait")
        with self._changed:
            container = self.machine.get(container_id)
            if container.state is ContainerState.CREATED:
                raise ContainerNotStarted(f"container {container.spec.name} was never started")
            while container.exit is None:
                self._check_engine()
                self._changed.wait()
            self._check_engine()
            if container.exit.code == KILLED and self.machine.find(container_id) is None:
                raise ContainerGone("it was removed while it ran")
            return container.exit

    def was_ended_from_outside(self, container_id: str, *, engine_lost_at: datetime | None) -> bool:
        """See the port. This engine tells when it was started."""
        self._answer("was_ended_from_outside")
        container = self.machine.find(container_id)
        return container is not None and container.exit is not None and container.ended_from_outside

    def signal(self, container_id: str, signal: str) -> None:
        """See the port."""
        self._answer("signal")
        with self._changed:
            container = self.machine.find(container_id)
            if container is None or not container.is_running:
                return
            self.signals.append((container.spec.name, signal))
            container.ended_from_outside |= signal in ("SIGKILL", "SIGTERM")
            if signal == "SIGKILL":
                self.machine.end(container, ContainerExit(code=KILLED))
            elif signal == "SIGTERM" and not (container.run.ignores_sigterm or container.run.has_no_handler):
                self.machine.end(container, ContainerExit(code=TERMINATED))

    def handles_signal(self, container_id: str, signal: str) -> bool | None:
        """See the port: a container has a handler for SIGTERM unless its script says otherwise."""
        self._answer("handles_signal")
        return signal == "SIGTERM" and not self.machine.get(container_id).run.has_no_handler

    def remove(self, container_id: str) -> None:
        """See the port."""
        self._answer("remove")
        self.machine.remove(container_id)

    def has_file(self, container_id: str, path: str) -> bool:
        """See the port. Every container has a shell unless its script says otherwise."""
        self._answer("has_file")
        return path in self.machine.get(container_id).run.files

    def snapshot(self, container_id: str, name: str) -> ImageInfo:
        """See the port."""
        self._answer("snapshot")
        container = self.machine.get(container_id)
        reference = f"{_SNAPSHOTS}{self._emulator_id}-{name}"
        self.machine.snapshots.setdefault(reference, container.id)
        return ImageInfo(id=reference, platform=container.spec.platform or "linux/amd64")

    def list_snapshots(self) -> Sequence[str]:
        """See the port."""
        self._answer("list_snapshots")
        prefix = f"{_SNAPSHOTS}{self._emulator_id}-"
        return [one.removeprefix(prefix) for one in self.machine.snapshots if one.startswith(prefix)]

    def remove_snapshot(self, name: str) -> None:
        """See the port."""
        self._answer("remove_snapshot")
        reference = f"{_SNAPSHOTS}{self._emulator_id}-{name}"
        if any(container.spec.image == reference for container in self.machine.containers()):
            raise RuntimeFailure(f"conflict: a container is using {reference}")
        self.machine.snapshots.pop(reference, None)

    def list_ours(self) -> Sequence[ContainerInfo]:
        """See the port."""
        self._answer("list_ours")
        containers = self.machine.containers()
        return [container.info() for container in containers if container.labels[LABEL_ID] == self._emulator_id]

    def job_addresses(self) -> set[str]:
        """See the port."""
        self._answer("job_addresses")
        return {container.address for container in self.machine.containers() if container.address is not None}

    def remove_unused_volumes(self) -> None:
        """See the port. Here, overlays are gone with their container."""
        self._answer("remove_unused_volumes")

    def create_network(self, spec: NetworkSpec) -> NetworkInfo:
        """See the port."""
        self._answer("create_network")
        return self.machine.add_network(spec, {**spec.labels, LABEL_ID: self._emulator_id})

    def shared_network(self) -> str:
        """See the port. It has no label, so no emulator takes it for its own."""
        self._answer("shared_network")
        return "shared"

    def connect_network(self, container_id: str, name: str) -> None:
        """See the port."""
        self._answer("connect_network")
        if name not in _BUILT_IN and self.machine.network_named(name) is None:
            raise RuntimeFailure(f"network {name} not found")
        self.machine.get(container_id).connected.add(name)

    def find_network(self, name: str) -> NetworkInfo | None:
        """See the port."""
        self._answer("find_network")
        return self.machine.network_named(name)

    def remove_network(self, network_id: str) -> None:
        """See the port."""
        self._answer("remove_network")
        self.machine.remove_network(network_id)

    def list_networks(self) -> Sequence[NetworkInfo]:
        """See the port."""
        self._answer("list_networks")
        return [network for network in self.machine.networks.values() if network.labels[LABEL_ID] == self._emulator_id]

    def stream_logs(
        self, container_id: str, since_second: int, when_lost: Callable[[], None] = lambda: None
    ) -> Iterator[Sequence[RawLine]]:
        """See the port."""
        if self.machine.has_lost_lines:
            when_lost()
        self._answer("stream_logs")
        return self._stream(self.machine.get(container_id), since_second * NANOSECONDS)

    def unlinked_bytes(self, container_id: str, folder: Path) -> int:
        """See the port."""
        self._answer("unlinked_bytes")
        container = self.machine.find(container_id)
        return container.run.unlinked_bytes if container and container.is_running else 0

    def read_usage(self, container_id: str) -> UsageReading | None:
        """See the port."""
        self._answer("read_usage")
        container = self.machine.find(container_id)
        return container.run.usage if container is not None and container.is_running else None

    # --- internals ---

    def _mount(self, spec: ContainerSpec) -> None:
        """What a start needs: folders to overlay, and the network. An overlay's view is a copy in its upper folder."""
        for mount in spec.mounts:
            if isinstance(mount, OverlayMount):
                if not (mount.lower.exists() and mount.upper.exists() and mount.work.exists()):
                    raise RuntimeFailure(f"failed to mount local volume: {mount.lower}: no such file or directory")
                _copy_unchanged(mount.lower, mount.upper)
        network = spec.network.network if spec.network else "none"
        if network not in _BUILT_IN and self.machine.network_named(network) is None:
            raise RuntimeFailure(f"network {network} not found")

    def _stream(self, container: FakeContainer, since_ns: int) -> Iterator[Sequence[RawLine]]:
        position, ended = 0, False
        while not ended:
            with self._changed:
                while not (self._lost or self._has_ended(container) or len(container.lines) > position):
                    self._changed.wait()
                if self._lost:
                    return
                batch = [line for line in container.lines[position:] if line.at_ns >= since_ns]
                position, ended = len(container.lines), self._has_ended(container)
            if batch:
                yield batch

    def _has_ended(self, container: FakeContainer) -> bool:
        return container.exit is not None or self.machine.find(container.id) is None

    def _pull(self, reference: str, on_progress: Callable[[str], None], cancel: CancelToken) -> None:
        with self._changed:
            self._pulling[reference] += 1
            if self._pulling[reference] == 1:
                self.pulls.append(reference)
        try:
            on_progress(f"pulling {reference}")
            with self._changed:
                while self.machine.holds_pulls:
                    if cancel.is_set():
                        raise Cancelled(f"the pull of {reference} was given up")
                    self._changed.wait(_LOOK_SECONDS)
                if self.machine.images is not None:
                    self.machine.images.add(reference)
        finally:
            with self._changed:
                self._pulling[reference] -= 1

    def _answer(self, verb: str) -> None:
        """Called first by every port method."""
        self._check_engine()
        if self._faults[verb]:
            raise self._faults[verb].pop(0)

    def _check_engine(self) -> None:
        if self._lost:
            raise RuntimeUnavailable("No Docker engine answers: the test took it away")


def _copy_unchanged(lower: Path, upper: Path) -> None:
    """Copy what a container has not changed yet."""
    for path in sorted(lower.rglob("*")):
        copy = upper / path.relative_to(lower)
        if path.is_dir():
            copy.mkdir(exist_ok=True)
        elif not copy.exists():
            shutil.copy2(path, copy)
