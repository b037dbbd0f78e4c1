"""DockerRuntime: the ContainerRuntime port over docker-py's low-level client."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.containers import (
    LABEL_ID,
    ContainerDefaults,
    cdi_devices,
    container_addresses,
    container_body,
    container_info,
    engine_info,
    is_being_removed,
)
from processing_emulator.adapters.docker_runtime.errors import TRANSPORT_ERRORS, is_timeout
from processing_emulator.adapters.docker_runtime.images import Images
from processing_emulator.adapters.docker_runtime.job_networks import JobNetworks
from processing_emulator.adapters.docker_runtime.logs import LogReader
from processing_emulator.adapters.docker_runtime.open_files import container_pids, unlinked_bytes
from processing_emulator.adapters.docker_runtime.outside_ends import was_ended_from_outside
from processing_emulator.adapters.docker_runtime.overlay_trial import can_mount
from processing_emulator.adapters.docker_runtime.signal_handlers import handles_signal
from processing_emulator.adapters.docker_runtime.snapshots import Snapshots
from processing_emulator.adapters.docker_runtime.usage import UsageReader
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.domain.usage import UsageReading
from processing_emulator.errors import ContainerGone, ContainerNotStarted, RuntimeFailure, RuntimeUnavailable
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
    RawLine,
)

logger = logging.getLogger(__name__)

KILLED = 137
"""The exit code after SIGKILL."""


class DockerRuntime:
    """ContainerRuntime on a Docker engine. The first call connects."""

    def __init__(self, engine: Engine, defaults: ContainerDefaults) -> None:
        self._engine = engine
        self._defaults = defaults
        self._closed = threading.Event()
        self._images = Images(engine, defaults.platform)
        self._logs = LogReader(engine, self._closed.wait, time.monotonic)
        self._usage = UsageReader(engine)
        self._networks = JobNetworks(engine, defaults.emulator_id)
        self._snapshots = Snapshots(engine, defaults.emulator_id)

    def close(self) -> None:
        """Disconnect: waits and log streams in progress end as if the engine had stopped. Containers keep running."""
        self._closed.set()
        self._engine.close()

    def info(self) -> EngineInfo:
        """See the port."""
        with self._engine.call(Call.INFO) as api:
            return engine_info(api.info())

    def ensure_image(
        self, reference: str, policy: PullPolicy, on_progress: Callable[[str], None], cancel: CancelToken
    ) -> ImageInfo:
        """See the port."""
        return self._images.ensure(reference, policy, on_progress, cancel)

    def find(self, name: str) -> ContainerInfo | None:
        """See the port. The engine also finds by the beginning of an id, which is ignored."""
        with self._engine.call(Call.INSPECT) as api:
            try:
                info = container_info(api.inspect_container(name))
            except docker.errors.NotFound:
                return None
        return info if info.name == name else None

    def can_mount(self, image_id: str, overlay: OverlayMount) -> bool:
        """See the port."""
        return can_mount(self._engine, self._defaults, image_id, overlay)

    def create(self, spec: ContainerSpec) -> str:
        """See the port. A name that is taken is a RuntimeFailure: look with `find` first."""
        body = container_body(spec, self._defaults, self._cdi_devices() if spec.limits.gpu_ids else ())
        with self._engine.call(Call.CREATE) as api:
            answer = api.create_container_from_config(body, spec.name, spec.platform or None)  # type: ignore[no-untyped-call]
            return str(answer["Id"])

    def _cdi_devices(self) -> Collection[str]:
        with self._engine.call(Call.INFO) as api:
            return cdi_devices(api.info())

    def start(self, container_id: str) -> None:
        """See the port."""
        with self._engine.call(Call.START) as api:
            api.start(container_id)

    def inspect(self, container_id: str) -> ContainerInfo:
        """See the port."""
        with self._engine.call(Call.INSPECT) as api:
            return container_info(api.inspect_container(container_id))

    def wait(self, container_id: str) -> ContainerExit:
        """See the port. Raises ContainerNotStarted for a container that never started; the engine reports exit 0.

        The engine may lose a wait and never answer it, so each wait has a timeout, and is followed by a look.
        """
        ended: ContainerExit | None = None
        while ended is None:
            code = self._await_code(container_id)
            try:
                info = self._inspect_ended(container_id, code)
            except ContainerGone:
                if code is None or code == KILLED:
                    raise
                return ContainerExit(code=code)  # removed right after its exit
            if info.state is ContainerState.CREATED:
                raise ContainerNotStarted(f"container {info.name} was never started")
            ended = info.exit if code is None else _exit_with(code, info)
        return ended

    def _inspect_ended(self, container_id: str, code: int | None) -> ContainerInfo:
        """Like `inspect`; a container that was removed while it ran is gone: a forced removal kills it first."""
        with self._engine.call(Call.INSPECT) as api:
            document = api.inspect_container(container_id)
        if code == KILLED and is_being_removed(document):
            raise ContainerGone(f"container {container_id[:12]} was removed while it ran")
        return container_info(document)

    def _await_code(self, container_id: str) -> int | None:
        """The exit code; None when the engine has not answered in time, mostly since the container still runs."""
        with self._engine.call(Call.WAIT) as api:
            try:
                return int(api.wait(container_id, condition="not-running")["StatusCode"])
            except TRANSPORT_ERRORS as error:
                if is_timeout(error):
                    return None
                raise

    def was_ended_from_outside(self, container_id: str, *, engine_lost_at: datetime | None) -> bool:
        """See the port."""
        return was_ended_from_outside(self._engine, container_id, engine_lost_at=engine_lost_at)

    def signal(self, container_id: str, signal: str) -> None:
        """See the port."""
        with self._engine.call(Call.SIGNAL) as api:
            try:
                api.kill(container_id, signal)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if error.status_code != 409:  # it is not running
                    raise

    def handles_signal(self, container_id: str, signal: str) -> bool | None:
        """See the port."""
        return handles_signal(container_id, self.inspect(container_id).pid, signal)

    def remove(self, container_id: str) -> None:
        """See the port."""
        self._usage.forget(container_id)
        with self._engine.call(Call.REMOVE) as api:
            try:
                api.remove_container(container_id, v=True, force=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise
                self._await_removal(container_id)  # another client is removing it

    def _await_removal(self, container_id: str) -> None:
        with self._engine.call(Call.REMOVE) as api:
            try:
                api.wait(container_id, condition="removed")
            except docker.errors.NotFound:
                return

    def has_file(self, container_id: str, path: str) -> bool:
        """See the port."""
        with self._engine.call(Call.INSPECT) as api:
            try:
                chunks, _ = api.get_archive(container_id, path)
            except docker.errors.NotFound as error:
                if "no such container" in str(error).lower():
                    raise
                return False
            with closing(chunks):
                next(chunks, None)
        return True

    def snapshot(self, container_id: str, name: str) -> ImageInfo:
        """See the port."""
        return self._snapshots.make(container_id, name)

    def list_snapshots(self) -> Sequence[str]:
        """See the port."""
        return self._snapshots.list_names()

    def remove_snapshot(self, name: str) -> None:
        """See the port."""
        self._snapshots.remove(name)

    def list_ours(self) -> Sequence[ContainerInfo]:
        """See the port."""
        label = f"{LABEL_ID}={self._defaults.emulator_id}"
        with self._engine.call(Call.LIST) as api:
            ids = [row["Id"] for row in api.containers(all=True, filters={"label": label})]
        return [info for info in map(self._look, ids) if info is not None]

    def _look(self, container_id: str) -> ContainerInfo | None:
        try:
            return self.inspect(container_id)
        except ContainerGone:  # removed since it was listed
            return None

    def job_addresses(self) -> set[str]:
        """See the port."""
        with self._engine.call(Call.LIST) as api:
            rows = api.containers(filters={"label": LABEL_ID, "status": "running"})
        return {address for row in rows for address in container_addresses(row)}

    def remove_unused_volumes(self) -> None:
        """See the port. The engine's own prune leaves volumes that have mount options."""
        filters = {"label": f"{LABEL_ID}={self._defaults.emulator_id}", "dangling": True}
        with self._engine.call(Call.LIST) as api:
            names = [row["Name"] for row in api.volumes(filters=filters)["Volumes"] or ()]
        for name in names:
            try:
                with self._engine.call(Call.REMOVE) as api, suppress(docker.errors.NotFound):
                    api.remove_volume(name)
            except RuntimeUnavailable:
                raise
            except RuntimeFailure as error:  # the next sweep tries again
                logger.warning("volume not removed", extra={"volume": name, "error": str(error)})

    def create_network(self, spec: NetworkSpec) -> NetworkInfo:
        """See the port."""
        return self._networks.create(spec)

    def shared_network(self) -> str:
        """See the port."""
        return self._networks.shared()

    def connect_network(self, container_id: str, name: str) -> None:
        """See the port."""
        self._networks.connect(container_id, name)

    def find_network(self, name: str) -> NetworkInfo | None:
        """See the port."""
        return self._networks.find(name)

    def remove_network(self, network_id: str) -> None:
        """See the port."""
        self._networks.remove(network_id)

    def list_networks(self) -> Sequence[NetworkInfo]:
        """See the port."""
        return self._networks.list_ours()

    def stream_logs(
        self, container_id: str, since_second: int, when_lost: Callable[[], None] = lambda: None
    ) -> Iterator[Sequence[RawLine]]:
        """See the port. Raises RuntimeUnavailable when the engine is away from the start."""
        return self._logs.stream(container_id, since_second, when_lost)

    def unlinked_bytes(self, container_id: str, folder: Path) -> int:
        """See the port."""
        info = self._look(container_id)
        if info is None or info.state is not ContainerState.RUNNING:
            return 0
        return unlinked_bytes(container_pids(info.id, info.pid), folder)

    def read_usage(self, container_id: str) -> UsageReading | None:
        """See the port."""
        return self._usage.read(container_id)


def _exit_with(code: int, info: ContainerInfo) -> ContainerExit:
    return ContainerExit(code=code, out_of_memory=info.exit is not None and info.exit.out_of_memory)
