"""The container engine of a machine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from processing_emulator.domain.job import Limits
from processing_emulator.domain.log_events import RawLine
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.domain.usage import UsageReading
from processing_emulator.ports.networks import NetworkAttachment, NetworkInfo, NetworkSpec
from processing_emulator.ports.timing import CancelToken


class PullPolicy(StrEnum):
    """When an image is pulled from its registry."""

    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """An image on this machine. `platform` is empty where the image does not say it, else such as `linux/amd64`.

    `digests`: of its manifest, `REPOSITORY@sha256:...`, in each registry that it was pulled from or pushed to.
    """

    id: str
    platform: str = ""
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    """A folder of this machine and where the container sees it."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayMount:
    """A writable view of a folder that stays unchanged: the container sees `lower`, its changes go to `upper`.

    `upper` and `work` are empty folders on one file system. Only some machines can do it: ask `can_mount`. The engine
    unmounts the view when the container ends, and forgets it when the container is removed.
    """

    lower: Path
    upper: Path
    work: Path
    target: str


Mount = BindMount | OverlayMount


class Dialogue(StrEnum):
    """How somebody types into a container."""

    TERMINAL = "terminal"
    PIPE = "pipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to create. With `entrypoint`, the image's ENTRYPOINT and CMD are both ignored (spec 2.1).

    `network` None: there is none but loopback, where the container's own host name leads. `platform`: which of the
    image's; empty for the engine's choice. `volumes_from`: a container whose folders and volumes it sees at the same
    places. `dialogue`: somebody types into it, and the engine removes it when it ends.
    """

    name: str
    image: str
    hostname: str
    entrypoint: tuple[str, ...] | None
    arguments: tuple[str, ...] | None
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    labels: Mapping[str, str]
    limits: Limits
    shm_bytes: int
    network: NetworkAttachment | None
    platform: str = ""
    volumes_from: str | None = None
    dialogue: Dialogue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProcess:
    """What a container runs, by the request or by its image; `user` and `working_folder` are empty for the engine's."""

    command: tuple[str, ...] = ()
    user: str = ""
    working_folder: str = ""


class ContainerState(StrEnum):
    """The states of a container that the emulator distinguishes."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerInfo:
    """A container as the engine reports it. `exit` is set once it has exited."""

    id: str
    name: str
    state: ContainerState
    labels: Mapping[str, str]
    pid: int = 0
    exit: ContainerExit | None = None
    process: ContainerProcess = ContainerProcess()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What the engine reports about itself and its host."""

    version: str
    cpus: int
    memory_bytes: int
    storage_driver: str
    cgroup_version: str


class ContainerRuntime(Protocol):
    """The container engine of the machine this code runs on. Stop and remove are idempotent."""

    def info(self) -> EngineInfo:
        """Raises RuntimeUnavailable when the engine does not answer."""
        ...

    def ensure_image(
        self, reference: str, policy: PullPolicy, on_progress: Callable[[str], None], cancel: CancelToken
    ) -> ImageInfo:
        """The image, pulled if the policy says so; one pull per reference however many ask.

        An image that this project builds (`processing-emulator/...`) is never pulled, whatever the policy.
        Raises ImageNotFound, Cancelled, RuntimeUnavailable.
        """
        ...

    def find(self, name: str) -> ContainerInfo | None:
        """The container of that name."""
        ...

    def can_mount(self, image_id: str, overlay: OverlayMount) -> bool:
        """Whether the engine gives containers such a view, found by trying it with a container that never runs.

        The overlay's folders must be empty; files are left in them. Raises RuntimeFailure when it cannot be tried.
        """
        ...

    def create(self, spec: ContainerSpec) -> str:
        """Create, not start; the id. Raises StartRejected, ContainerNotStarted, ImageNotFound."""
        ...

    def start(self, container_id: str) -> None:
        """Start; a container that runs already is left alone.

        Raises StartRejected, ContainerNotStarted, ContainerGone.
        """
        ...

    def inspect(self, container_id: str) -> ContainerInfo:
        """Raises ContainerGone."""
        ...

    def wait(self, container_id: str) -> ContainerExit:
        """Block until the container has exited. Raises ContainerGone, RuntimeUnavailable."""
        ...

    def was_ended_from_outside(self, container_id: str, *, engine_lost_at: datetime | None) -> bool:
        """Whether a container that has exited was ended by the engine, at its stop or start, or by a signal sent to it.

        `engine_lost_at`: when the engine, which the caller saw run it, did not answer any more; it counts only if the
        engine was started again since, or does not tell. Signals of this runtime count, those from within the container
        and those that it went on after do not. False where it cannot be found out, and for a container that is gone.
        """
        ...

    def signal(self, container_id: str, signal: str) -> None:
        """Send a signal to its first process; nothing happens when it has exited or is gone."""
        ...

    def handles_signal(self, container_id: str, signal: str) -> bool | None:
        """Whether its first process has a handler for a signal; None when that cannot be seen from here.

        The kernel does not deliver a signal without a handler to the first process of a container.
        """
        ...

    def remove(self, container_id: str) -> None:
        """Kill and remove it with its anonymous volumes; nothing happens when it is gone."""
        ...

    def has_file(self, container_id: str, path: str) -> bool:
        """Whether there is something at a path of its file system, running or not. Raises ContainerGone."""
        ...

    def snapshot(self, container_id: str, name: str) -> ImageInfo:
        """Make an image of its file system, without its volumes. One that is there is used again.

        The image keeps the container's user, working folder and platform; its `id` is a reference here. `name` is made
        of letters, digits and hyphens.
        Raises ContainerGone.
        """
        ...

    def list_snapshots(self) -> Sequence[str]:
        """The names of this emulator's snapshots."""
        ...

    def remove_snapshot(self, name: str) -> None:
        """Does nothing when it is gone. Raises RuntimeFailure while a container is made of it."""
        ...

    def list_ours(self) -> Sequence[ContainerInfo]:
        """All containers, in any state, that carry this emulator's label."""
        ...

    def job_addresses(self) -> set[str]:
        """IP addresses of the running containers of jobs, also of jobs of other emulators on this engine."""
        ...

    def remove_unused_volumes(self) -> None:
        """Remove volumes that carry this emulator's label and belong to no container."""
        ...

    def create_network(self, spec: NetworkSpec) -> NetworkInfo:
        """Create a network that carries this emulator's label. A name that is taken is a RuntimeFailure.

        Raises NoFreeSubnet.
        """
        ...

    def shared_network(self) -> str:
        """The name of the network for containers without peers: they reach all but each other.

        It is created by the first call, belongs to all emulators on the engine, and is never removed. Raises
        NoFreeSubnet.
        """
        ...

    def connect_network(self, container_id: str, name: str) -> None:
        """Attach a container that has not started to a second network; nothing happens when it is attached."""
        ...

    def find_network(self, name: str) -> NetworkInfo | None:
        """The network of that name."""
        ...

    def remove_network(self, network_id: str) -> None:
        """Remove it; does nothing when it is gone. Raises RuntimeFailure while a container runs in it."""
        ...

    def list_networks(self) -> Sequence[NetworkInfo]:
        """All networks that carry this emulator's label."""
        ...

    def stream_logs(
        self, container_id: str, since_second: int, when_lost: Callable[[], None] = lambda: None
    ) -> Iterator[Sequence[RawLine]]:
        """Batches of output lines stamped at or after `since_second`, until the container has exited.

        Each write of up to 16,384 bytes up to a newline is a line. Ends early, without an error, when the engine
        goes away; raises ContainerGone. Calls `when_lost` when the engine has dropped lines before they were read.
        """
        ...

    def unlinked_bytes(self, container_id: str, folder: Path) -> int:
        """Disk space of files without a name that its processes hold open on the file system of `folder`.

        0 where this process may not see the files of others, and when the container does not run.
        """
        ...

    def read_usage(self, container_id: str) -> UsageReading | None:
        """CPU and memory at this moment, None when the container does not run."""
        ...
