"""The emulator in a container finds its own container, and mounts its folders into other containers."""

import json
import sysconfig
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from processing_emulator.adapters.docker_runtime.clients import Engine
from tests.fixtures_docker import TEST_IMAGE, missing

ROOT = Path(__file__).parents[3]

INSIDE = """
import json, sys
from pathlib import Path
from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.network import bridge_gateway, find_self
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import BindMount
from tests.fixtures_docker import a_container

engine = Engine()
own = find_self(engine)
runtime = DockerRuntime(engine, ContainerDefaults(
    emulator_id=sys.argv[1], translate=own.translate))
said = {}
for folder in ("/data/jobs", "/cache"):
    Path(folder).mkdir(exist_ok=True)
    Path(folder, "question").write_text(folder)
    mount = BindMount(source=Path(folder), target="/opt/ml/processing/in")
    spec = a_container("sh", "-c", "cd /opt/ml/processing/in && cat question > answer", mounts=(mount,))
    container_id = runtime.create(spec)
    runtime.start(container_id)
    assert runtime.wait(container_id).code == 0, list(runtime.stream_logs(container_id, 0))
    runtime.remove(container_id)
    said[folder] = Path(folder, "answer").read_text()
try:
    own.translate(Path("/tmp/x"))
except RuntimeFailure as error:
    refused = str(error)
sleeper = runtime.create(a_container("sleep", "60"))
runtime.start(sleeper)
usage = runtime.read_usage(sleeper)
runtime.remove(sleeper)
print(json.dumps({"id": own.id, "network": own.network, "address": own.address, "said": said, "refused": refused,
    "gateway": bridge_gateway(engine), "memory": usage.memory_bytes}))
"""


@pytest.fixture
def network(api: docker.APIClient) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.create_network(name)
    yield name
    api.remove_network(name)


def run_inside(api: docker.APIClient, data: Path, network: str, volume: str) -> tuple[str, dict[str, Any]]:
    """Run INSIDE in a container with the Docker socket, a folder and a volume; returns its id and output."""
    socket_path = Engine().address.removeprefix("unix://")
    packages = sysconfig.get_path("purelib")
    emulator_id = f"test-{uuid.uuid4().hex[:8]}"
    body = {
        "Image": TEST_IMAGE,
        "Entrypoint": ["python3", "-c", INSIDE, emulator_id],
        "Env": [f"PYTHONPATH={ROOT}/emulator:{ROOT}:{packages}", "PYTHONDONTWRITEBYTECODE=1"],
        "HostConfig": {
            "NetworkMode": network,
            "Binds": [
                f"{socket_path}:/var/run/docker.sock",
                f"{ROOT}:{ROOT}:ro",
                f"{packages}:{packages}:ro",
                f"{data}:/data",
                f"{volume}:/cache",
            ],
        },
    }
    container_id = api.create_container_from_config(body, None)["Id"]  # type: ignore[no-untyped-call]
    try:
        api.start(container_id)
        code = api.wait(container_id)["StatusCode"]
        output = api.logs(container_id).decode()
        assert code == 0, output
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return container_id, found
    finally:
        api.remove_container(container_id, force=True, v=True)
        for left in api.containers(all=True, filters={"label": f"processing-emulator.id={emulator_id}"}):
            api.remove_container(left["Id"], force=True)


@pytest.fixture
def volume(api: docker.APIClient) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.create_volume(name)
    yield name
    api.remove_volume(name)


def test_emulator_in_a_container_finds_itself_and_mounts_its_folders(
    api: docker.APIClient, network: str, volume: str, tmp_path: Path
) -> None:
    if not Engine().address.startswith("unix://"):
        missing("the engine has no socket to be mounted")

    container_id, found = run_inside(api, tmp_path, network, volume)

    assert (found["id"], found["network"]) == (container_id, network)
    assert found["address"]
    assert found["said"] == {"/data/jobs": "/data/jobs", "/cache": "/cache"}
    assert "mount a folder or a volume there" in found["refused"]
    assert found["gateway"] is None
    assert found["memory"] > 100_000
    assert (tmp_path / "jobs/answer").read_text() == "/data/jobs"


def test_emulator_on_the_default_bridge_is_reached_by_its_ip_address(
    api: docker.APIClient, volume: str, tmp_path: Path
) -> None:
    _, found = run_inside(api, tmp_path, "bridge", volume)

    assert found["network"] is None
    assert found["address"]
