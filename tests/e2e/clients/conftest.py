"""A server, and unmodified AWS clients in a network that reaches only that server.

The only configuration of the clients is the output of `processing-emulator env`, evaluated by a shell.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.clients.isolated_network import FinishedProcess, IsolatedNetwork, finish, isolated_network
from tests.e2e.conftest import leftovers
from tests.e2e.server import EmulatorProcess
from tests.fixtures_docker import missing
from tests.waiting import wait_for

PROGRAMS = Path(__file__).parent / "programs"

SEED = PROGRAMS / "seed.yaml"
"""The tables of an AWS account, for DatasetDefinition inputs."""

CLIENT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedClients:
    """Runs clients in the isolated network. `env_script` is the output of `processing-emulator env`."""

    server: EmulatorProcess
    network: IsolatedNetwork
    env_script: str

    def start(
        self, folder: Path, *command: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Start a client with an empty home directory; `environment` adds variables to the shell."""
        home = folder / "home"
        home.mkdir()
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8", **(environment or {})}
        script = f'{self.env_script}\nexec "$@"'
        return self.network.start(["sh", "-c", script, "sh", *command], environment=variables, folder=folder)

    def run(self, folder: Path, *command: str, environment: Mapping[str, str] | None = None) -> FinishedProcess:
        return finish(
            self.start(folder, *command, environment=environment), folder=folder, timeout_seconds=CLIENT_SECONDS
        )


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Iterator[IsolatedClients]:
    """Shared by all tests of a pytest worker; checks that the server leaves nothing behind."""
    with isolated_network() as network:
        server = EmulatorProcess(
            tmp_path_factory.mktemp("clients") / "data",
            host=network.server_address,
            allowed_hosts=network.server_address,
            stop_grace_seconds="2",
            capacity_cpus="64",
            seed=str(SEED),
        )
        try:
            server.start()
            yield IsolatedClients(server=server, network=network, env_script=_env_of(server, network))
            assert server.stop() == 0, server.log()[-2000:]
            wait_for("no leftovers", lambda: not leftovers(server) or None, 5)
        finally:
            server.kill()


def _env_of(server: EmulatorProcess, network: IsolatedNetwork) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROCESSING_EMULATOR_")}
    command = [sys.executable, "-m", "processing_emulator", "env", "--host", network.server_address]
    command += ["--port", server.url.rpartition(":")[2], "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(autouse=True)
def _no_outside_traffic(clients: IsolatedClients) -> Iterator[None]:
    """Every test also checks that no name was looked up and no outside address was tried."""
    clients.network.clear()
    yield
    assert clients.network.attempts() == []


def client_home(name: str) -> Path:
    """The folder in which scripts/clients.sh has installed a client."""
    variable = "PROCESSING_EMULATOR_TEST_" + name.upper().replace("-", "_")
    home = os.environ.get(variable)
    if home is None:
        missing(f'the client {name} is not set up: eval "$(scripts/clients.sh)"')
    return Path(home)


def python_of(name: str) -> str:
    return str(client_home(name) / "bin" / "python")


def lines_of(finished: FinishedProcess) -> Sequence[str]:
    """The output of a program that succeeded."""
    assert finished.code == 0, finished
    return finished.stdout.splitlines()


IDENTITY = {"Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"}
"""The caller identity of a client with the keys that `env` prints."""
