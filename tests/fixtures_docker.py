"""Fixtures with a real Docker engine, which remove what tests create. Without an engine the test is skipped.

With PROCESSING_EMULATOR_REQUIRE_ALL=1 a missing tool is a failure instead.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.domain.job import Limits
from processing_emulator.errors import ImageNotFound, RuntimeFailure
from processing_emulator.ports import ContainerSpec, Mount, NetworkAttachment, PullPolicy
from tests.waiting import wait_for

TEST_IMAGE = os.environ.get("PROCESSING_EMULATOR_TEST_IMAGE", "processing-emulator/python:test")
"""An image with python3 and a shell."""

MIB = 1024**2

BRIDGE = NetworkAttachment(network="bridge")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it with PROCESSING_EMULATOR_REQUIRE_ALL=1."""
    if os.environ.get("PROCESSING_EMULATOR_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def docker_engine() -> None:
    """Requires a Docker engine that answers and has the test image."""
    runtime = DockerRuntime(Engine(), ContainerDefaults(emulator_id="test"))
    try:
        runtime.info()
        runtime.ensure_image(TEST_IMAGE, PullPolicy.NEVER, lambda _line: None, threading.Event())
    except ImageNotFound:
        missing(f"image {TEST_IMAGE} is not built")
    except RuntimeFailure as error:
        missing(str(error))
    finally:
        runtime.close()


RuntimeFactory = Callable[..., DockerRuntime]


@pytest.fixture
def make_runtime(docker_engine: None) -> Iterator[RuntimeFactory]:
    """A factory of runtimes, each with its own emulator id unless one is given; removes their containers afterwards."""
    with ExitStack() as stack:

        def make(docker_host: str | None = None, **defaults: object) -> DockerRuntime:
            named = {"emulator_id": f"test-{uuid.uuid4().hex[:12]}", **defaults}
            cleaner = DockerRuntime(Engine(), ContainerDefaults(emulator_id=str(named["emulator_id"])))
            stack.callback(_clean, cleaner)
            runtime = DockerRuntime(Engine(docker_host), ContainerDefaults(**named))  # type: ignore[arg-type]
            stack.callback(runtime.close)
            return runtime

        yield make


def _clean(runtime: DockerRuntime) -> None:
    for container in runtime.list_ours():
        runtime.remove(container.id)
    for network in runtime.list_networks():
        runtime.remove_network(network.id)
    runtime.close()


@pytest.fixture
def docker_runtime(make_runtime: RuntimeFactory) -> DockerRuntime:
    """A runtime on the real engine; its containers are removed afterwards."""
    return make_runtime()


def a_container(
    *command: str,
    name: str | None = None,
    image: str = TEST_IMAGE,
    arguments: tuple[str, ...] | None = None,
    environment: Mapping[str, str] | None = None,
    mounts: tuple[Mount, ...] = (),
    labels: Mapping[str, str] | None = None,
    memory_bytes: int = 128 * MIB,
    vcpus: float = 1.0,
    gpu_ids: tuple[str, ...] = (),
    shm_bytes: int = 16 * MIB,
    network: NetworkAttachment | None = BRIDGE,
    platform: str = "",
) -> ContainerSpec:
    """The spec of a small container that runs `command`, or the image's own command."""
    return ContainerSpec(
        name=name or f"test-{uuid.uuid4().hex[:12]}",
        image=image,
        hostname="algo-1",
        entrypoint=command or None,
        arguments=arguments,
        environment=environment or {},
        mounts=mounts,
        labels=labels or {},
        limits=Limits(
            vcpus=vcpus, reserved_vcpus=vcpus, memory_bytes=memory_bytes, gpu_ids=gpu_ids, volume_bytes=1024 * MIB
        ),
        shm_bytes=shm_bytes,
        network=network,
        platform=platform,
    )


class EngineProxy:
    """A proxy socket in front of the engine. While it is cut, the engine seems to be gone."""

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self._target = target
        self._lock = threading.Lock()
        self._open: list[tuple[socket.socket, socket.socket]] = []
        self._listener: socket.socket | None = None

    @property
    def address(self) -> str:
        return f"unix://{self._path}"

    def restore(self) -> None:
        """Listen for connections."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Close all connections and remove the socket."""
        self._path.unlink(missing_ok=True)
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        with self._lock:
            pairs, self._open = self._open, []
        for pair in pairs:
            _end(pair[0])
            _end(pair[1])

    def open_connections(self) -> int:
        """The number of open connections."""
        with self._lock:
            return len(self._open)

    def await_connections(self, wanted: int) -> None:
        """Wait until at most `wanted` connections are open."""
        wait_for(f"no more than {wanted} connections", lambda: self.open_connections() <= wanted, 10)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._target)
            with self._lock:
                self._open.append((client, engine))
            for source, sink in ((client, engine), (engine, client)):
                threading.Thread(target=self._pump, args=(source, sink, (client, engine)), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        with suppress(OSError):  # cut
            while data := source.recv(65536):
                sink.sendall(data)
        _end(source)
        _end(sink)
        with self._lock:
            if pair in self._open:
                self._open.remove(pair)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # already closed by the other side
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@pytest.fixture
def engine_proxy(docker_engine: None) -> Iterator[EngineProxy]:
    """A proxy in front of the engine. Not in tmp_path, whose long name would exceed the limit for socket paths."""
    address = Engine().address
    if not address.startswith("unix://"):
        missing(f"the engine at {address} does not listen on a unix socket")
    with tempfile.TemporaryDirectory(prefix="proxy-") as folder:
        proxy = EngineProxy(Path(folder) / "docker.sock", address.removeprefix("unix://"))
        proxy.restore()
        yield proxy
        proxy.cut()


class Registry:
    """A registry on loopback; `host` is its name in image references."""

    def __init__(self, host: str) -> None:
        self.host = host

    def reference(self, name: str) -> str:
        return f"{self.host}/{name}"


PASSWORD = "secret"
_HTPASSWD = "user:$2b$04$QDKAGRw7/MMJE/yMEoUxS./5sj9qYcs9xuSnltcF/MiTsrxYBfDde\n"
"""The user `user` with PASSWORD, hashed with bcrypt."""


@contextmanager
def running_registry(folder: Path, storage: Path, *, with_password: bool = False) -> Iterator[Registry]:
    """Run Debian's docker-registry on a free port while the block runs."""
    binary = shutil.which("docker-registry")
    if binary is None:
        missing("no docker-registry: apt-get install docker-registry")
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {storage}}}}}\n"
    config += f"http: {{addr: '{host}'}}\n"
    if with_password:
        (folder / "htpasswd").write_text(_HTPASSWD)
        config += f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}\n"
    (folder / "config.yml").write_text(config)
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([binary, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        wait_for(f"the registry at {host}", lambda: _answers(host))
        yield Registry(host)
    finally:
        process.terminate()
        process.wait()


def _answers(host: str) -> bool:
    address, _, port = host.partition(":")
    try:
        socket.create_connection((address, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
