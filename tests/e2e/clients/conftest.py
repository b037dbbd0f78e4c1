"""A server, and unmodified clients in a network from which nothing but that server can be reached.

The clients are configured by what `processing-emulator env` prints, evaluated by a shell, and by nothing else.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.clients.island import Finished, Island, an_island, finish
from tests.e2e.conftest import leftovers
from tests.e2e.server import EmulatorProcess
from tests.fixtures_docker import missing
from tests.waiting import wait_for

PROGRAMS = Path(__file__).parent / "programs"

CLIENT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outpost:
    """Server and island. `set_up` is what `processing-emulator env` printed."""

    server: EmulatorProcess
    island: Island
    set_up: str

    def start(
        self, folder: Path, *command: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """A client in an empty home; `environment` is what else the user's shell has."""
        home = folder / "home"
        home.mkdir()
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8", **(environment or {})}
        script = f'{self.set_up}\nexec "$@"'
        return self.island.start(["sh", "-c", script, "sh", *command], environment=variables, folder=folder)

    def run(self, folder: Path, *command: str, environment: Mapping[str, str] | None = None) -> Finished:
        return finish(
            self.start(folder, *command, environment=environment), folder=folder, timeout_seconds=CLIENT_SECONDS
        )


@pytest.fixture(scope="session")
def outpost(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Iterator[Outpost]:
    """Shared by all tests of a worker; nothing may be left of it."""
    with an_island() as island:
        server = EmulatorProcess(
            tmp_path_factory.mktemp("clients") / "data",
            host=island.server_address,
            allowed_hosts=island.server_address,
            stop_grace_seconds="2",
            capacity_cpus="64",
        )
        try:
            server.start()
            yield Outpost(server=server, island=island, set_up=_env_of(server, island))
            assert server.stop() == 0, server.log()[-2000:]
            wait_for("nothing of ours to be left", lambda: not leftovers(server) or None, 5)
        finally:
            server.kill()


def _env_of(server: EmulatorProcess, island: Island) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROCESSING_EMULATOR_")}
    command = [sys.executable, "-m", "processing_emulator", "env", "--host", island.server_address]
    command += ["--port", server.url.rpartition(":")[2], "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(autouse=True)
def _nothing_outside(outpost: Outpost) -> Iterator[None]:
    """The point of it all: no name was looked up, and no address outside was tried."""
    outpost.island.forget()
    yield
    assert outpost.island.noticed() == []


def client_home(name: str) -> Path:
    """Where scripts/clients.sh has put a client, by its name there."""
    variable = "PROCESSING_EMULATOR_TEST_" + name.upper().replace("-", "_")
    home = os.environ.get(variable)
    if home is None:
        missing(f'the client {name} is not set up: eval "$(scripts/clients.sh)"')
    return Path(home)


def python_of(name: str) -> str:
    return str(client_home(name) / "bin" / "python")


def lines_of(finished: Finished) -> Sequence[str]:
    """What a program that went well has printed."""
    assert finished.code == 0, finished
    return finished.stdout.splitlines()


IDENTITY = {"Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"}
"""Who a client with the keys that `env` prints is."""
