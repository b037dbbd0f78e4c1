"""The connection to the engine, against a server with one answer for all requests, or none."""

import hashlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.errors import RuntimeFailure, RuntimeUnavailable
from processing_emulator.ports import PullPolicy

EXITED = {
    "Id": "x",
    "Name": "/x",
    "State": {"Status": "exited", "ExitCode": 3, "OOMKilled": False},
    "Config": {},
    "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}},
}
IMPATIENT = dict.fromkeys(Call, 0.1)


class VersionServer(socketserver.ThreadingUnixStreamServer):
    """Answers every request with its API version and a container, and records the paths.

    Requests whose path ends with an element of `swallowed` are never answered.
    """

    daemon_threads = True

    def __init__(self, path: Path, version: str) -> None:
        self.version = version
        self.paths: list[str] = []
        self.swallowed: set[str] = set()
        self.closing = threading.Event()
        super().__init__(str(path), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: VersionServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        path = self.path.partition("?")[0]
        if path.rpartition("/")[2] in self.server.swallowed:
            self.server.closing.wait()
            return
        body = json.dumps({"ApiVersion": self.server.version, **EXITED}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, because socket paths have a maximum length."""
    with TemporaryDirectory(prefix="engine-") as name:
        yield Path(name)


@pytest.fixture
def engine_of(folder: Path) -> Iterator["EngineOf"]:
    made = EngineOf(folder)
    yield made
    made.close()


def contact(engine: Engine) -> None:
    with engine.call(Call.INFO):
        pass


class EngineOf:
    """Creates an Engine and a server with an API version."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "docker.sock"
        self._server: VersionServer | None = None
        self._engine: Engine | None = None

    def __call__(self, version: str, timeouts: Mapping[Call, float] | None = None) -> tuple[Engine, VersionServer]:
        self._server = VersionServer(self._path, version)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self._engine = Engine(f"unix://{self._path}", timeouts)
        return self._engine, self._server

    def close(self) -> None:
        if self._engine:
            self._engine.close()
        if self._server:
            self._server.closing.set()
            self._server.shutdown()
            self._server.server_close()


def test_connects_at_the_first_call(engine_of: EngineOf) -> None:
    _, server = engine_of("1.41")

    assert server.paths == []


@pytest.mark.parametrize("version", ["1.41", "1.44", "1.52"])
def test_uses_the_api_version_of_the_engine(engine_of: EngineOf, version: str) -> None:
    engine, server = engine_of(version)

    with engine.call(Call.INSPECT) as api:
        api.inspect_container("x")
    with engine.call(Call.INSPECT) as api:
        api.inspect_container("y")

    assert server.paths == ["/version", f"/v{version}/containers/x/json", f"/v{version}/containers/y/json"]


def test_refuses_engines_before_20_10(engine_of: EngineOf) -> None:
    engine, _ = engine_of("1.40")

    with pytest.raises(RuntimeFailure, match=r"speaks API 1\.40; 1\.41 \(Docker 20\.10\) or later is needed"):
        contact(engine)


def test_finds_an_engine_that_starts_later(folder: Path, engine_of: EngineOf) -> None:
    path = folder / "docker.sock"
    engine = Engine(f"unix://{path}")
    with pytest.raises(RuntimeUnavailable, match=f"No Docker engine answers at unix://{path}"):
        contact(engine)
    engine_of("1.41")

    with engine.call(Call.INFO) as api:
        assert api.api_version == "1.41"
    engine.close()


def test_uses_docker_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.example:2375")

    assert Engine().address == "tcp://engine.example:2375"
    assert Engine("unix:///run/mine.sock").address == "unix:///run/mine.sock"


def test_uses_the_docker_cli_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "colima"}))
    folder = tmp_path / "contexts/meta" / hashlib.sha256(b"colima").hexdigest()
    folder.mkdir(parents=True)
    endpoint = {"Host": "unix:///run/colima.sock", "SkipTLSVerify": False}
    (folder / "meta.json").write_text(json.dumps({"Name": "colima", "Metadata": {}, "Endpoints": {"docker": endpoint}}))

    assert Engine().address == "unix:///run/colima.sock"


def test_closed_engine_refuses_calls(engine_of: EngineOf) -> None:
    engine, _ = engine_of("1.41")
    contact(engine)
    engine.close()

    with pytest.raises(RuntimeUnavailable, match="closed by the emulator itself"):
        contact(engine)


def test_times_out_when_the_engine_does_not_respond(folder: Path) -> None:
    path = folder / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        engine = Engine(f"unix://{path}")
        blocked: list[BaseException] = []

        def ask() -> None:
            try:
                contact(engine)
            except RuntimeUnavailable as error:
                blocked.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        accepted, _ = listener.accept()
        with accepted:
            accepted.recv(10)
            assert thread.is_alive()
        thread.join(10)

    assert [type(error) for error in blocked] == [RuntimeUnavailable]


def test_exit_is_found_when_the_engine_never_answers_the_wait(engine_of: EngineOf) -> None:
    engine, server = engine_of("1.41", IMPATIENT)
    server.swallowed = {"wait"}

    assert DockerRuntime(engine, ContainerDefaults(emulator_id="e")).wait("x") == ContainerExit(code=3)


def test_wait_without_an_answer_fails_when_the_engine_is_stuck(engine_of: EngineOf) -> None:
    engine, server = engine_of("1.41", IMPATIENT)
    server.swallowed = {"wait", "json"}

    with pytest.raises(RuntimeUnavailable, match=r"did not inspect within 0\.1 s"):
        DockerRuntime(engine, ContainerDefaults(emulator_id="e")).wait("x")


CALLS: dict[str, Callable[[DockerRuntime], object]] = {
    "info": lambda runtime: runtime.info(),
    "json": lambda runtime: runtime.inspect("x"),
    "start": lambda runtime: runtime.start("x"),
    "kill": lambda runtime: runtime.signal("x", "SIGTERM"),
    "logs": lambda runtime: list(runtime.stream_logs("x", 0)),
    "x": lambda runtime: runtime.remove("x"),
    "networks": lambda runtime: runtime.list_networks(),
    "create": lambda runtime: runtime.ensure_image("i:1", PullPolicy.ALWAYS, lambda _text: None, threading.Event()),
}
"""By the end of the path of the request that the engine swallows."""


@pytest.mark.parametrize("swallowed", CALLS)
def test_every_call_ends_when_the_engine_swallows_it(engine_of: EngineOf, swallowed: str) -> None:
    engine, server = engine_of("1.41", IMPATIENT)
    server.swallowed = {swallowed}

    with pytest.raises(RuntimeUnavailable, match=r"within 0\.1 s"):
        CALLS[swallowed](DockerRuntime(engine, ContainerDefaults(emulator_id="e")))
