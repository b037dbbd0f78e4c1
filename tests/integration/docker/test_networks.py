"""Networks of jobs on a real engine: fixed addresses, names that resolve both ways, isolation, nothing left behind."""

import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.network import bridge_gateway
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.ports import NetworkAttachment, NetworkInfo, NetworkSpec, OverlayMount
from tests.fixtures_docker import a_container, missing
from tests.integration.docker.conftest import output_of

SERVE = """
import socket
with socket.create_server(("", 7000)) as server:
    print("ready", flush=True)
    while True:
        server.accept()[0].close()
"""

CALL = """
import json, socket, sys
def reach(target):
    host, port = target.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        return True
    except OSError:
        return False
print(json.dumps({
    "own address": socket.gethostbyname("algo-1"),
    "peer address": socket.gethostbyname("algo-2"),
    "peer name": socket.gethostbyaddr(socket.gethostbyname("algo-2"))[0],
    "reached": [reach(target) for target in sys.argv[1:]],
}))
"""


def create_network(runtime: DockerRuntime, *, isolated: bool = False) -> NetworkInfo:
    return runtime.create_network(NetworkSpec(name=f"test-{uuid.uuid4().hex[:8]}", labels={}, isolated=isolated))


def attachments(network: NetworkInfo) -> tuple[NetworkAttachment, NetworkAttachment]:
    """Two hosts of a job that know each other's names."""
    first, second = network.addresses(2)
    hosts = {"algo-1": first, "algo-2": second}
    return (
        NetworkAttachment(network=network.name, address=first, extra_hosts=hosts),
        NetworkAttachment(network=network.name, address=second, extra_hosts=hosts),
    )


def serve(runtime: DockerRuntime, attachment: NetworkAttachment) -> str:
    """Start a server on port 7000; its address."""
    container_id = runtime.create(a_container("python3", "-c", SERVE, network=attachment))
    runtime.start(container_id)
    next(iter(runtime.stream_logs(container_id, 0)))
    assert attachment.address is not None
    return attachment.address


def call(runtime: DockerRuntime, attachment: NetworkAttachment, *targets: str) -> dict[str, Any]:
    """What a container in the network sees, and which of the targets it reaches."""
    (line,) = output_of(runtime, a_container("python3", "-c", CALL, *targets, network=attachment))
    seen: dict[str, Any] = json.loads(line)
    return seen


@pytest.mark.parametrize("isolated", [False, True])
def test_hosts_of_a_job_reach_each_other_by_name_at_their_addresses(
    docker_runtime: DockerRuntime, isolated: bool
) -> None:
    """Names resolve both ways before the peer's container is there."""
    first, second = attachments(create_network(docker_runtime, isolated=isolated))
    names = {"own address": first.address, "peer address": second.address, "peer name": "algo-2"}

    assert call(docker_runtime, first) == {**names, "reached": []}
    serve(docker_runtime, second)
    assert call(docker_runtime, first, "algo-2:7000") == {**names, "reached": [True]}


@pytest.mark.parametrize("isolated", [False, True])
def test_containers_of_another_job_cannot_be_reached(docker_runtime: DockerRuntime, isolated: bool) -> None:
    theirs = serve(docker_runtime, attachments(create_network(docker_runtime))[1])
    first, _ = attachments(create_network(docker_runtime, isolated=isolated))

    assert call(docker_runtime, first, f"{theirs}:7000")["reached"] == [False]


def test_containers_without_peers_cannot_reach_each_other_or_a_job(
    docker_runtime: DockerRuntime, api: docker.APIClient
) -> None:
    alone = NetworkAttachment(network=docker_runtime.shared_network())
    neighbour = docker_runtime.create(a_container("python3", "-c", SERVE, network=alone))
    docker_runtime.start(neighbour)
    next(iter(docker_runtime.stream_logs(neighbour, 0)))
    theirs = serve(docker_runtime, attachments(create_network(docker_runtime))[1])
    address = api.inspect_container(neighbour)["NetworkSettings"]["Networks"][alone.network]["IPAddress"]

    with_hosts = NetworkAttachment(network=alone.network, extra_hosts={"algo-1": "192.0.2.1", "algo-2": "192.0.2.2"})
    seen = call(docker_runtime, with_hosts, f"{address}:7000", f"{theirs}:7000")

    assert seen["reached"] == [False, False]


def test_networks_of_many_jobs_take_one_of_the_engine_s_subnets(docker_runtime: DockerRuntime) -> None:
    """An engine has some thirty to give."""
    networks = [create_network(docker_runtime) for _ in range(6)]

    assert {network.subnet.prefixlen for network in networks} == {25}
    assert len({network.labels["processing-emulator.block"] for network in networks}) == 1
    assert len({network.subnet for network in networks}) == 6


@pytest.fixture
def host_server() -> Iterator[str]:
    """A server on all addresses of this machine; its target on the default bridge."""
    address = bridge_gateway(Engine())
    if address is None:
        missing("the default bridge is not on this machine")
    with socket.create_server(("", 0)) as server:
        yield f"{address}:{server.getsockname()[1]}"


def test_host_is_reached_from_an_open_network_only(docker_runtime: DockerRuntime, host_server: str) -> None:
    open_network, isolated_network = (create_network(docker_runtime, isolated=isolated) for isolated in (False, True))
    port = host_server.rpartition(":")[2]

    def reached(network: NetworkInfo) -> list[bool]:
        targets = (host_server, f"{network.gateway}:{port}")
        found: list[bool] = call(docker_runtime, attachments(network)[0], *targets)["reached"]
        return found

    assert reached(open_network) == [True, True]
    assert reached(isolated_network) == [False, False]


LOOK_UP = """
import socket, threading
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 53))
    server.settimeout(10)
    threading.Thread(target=socket.getaddrinfo, args=("name.example", 80), daemon=True).start()
    print(b"example" in server.recv(512))
"""


def test_look_ups_of_names_do_not_leave_an_isolated_container(docker_runtime: DockerRuntime) -> None:
    network = create_network(docker_runtime, isolated=True)
    attachment = NetworkAttachment(network=network.name, isolated=True)

    assert output_of(docker_runtime, a_container("python3", "-c", LOOK_UP, network=attachment))[-1:] == ["True"]


def test_overlay_shows_its_lower_folder_and_is_gone_with_its_container(
    docker_runtime: DockerRuntime, api: docker.APIClient, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("lower", "upper", "work")}
    for folder in folders.values():
        folder.mkdir()
    (folders["lower"] / "kept").write_text("cached")
    (folders["lower"] / "deleted").write_text("cached")
    spec = a_container(
        "sh", "-c", "cat /in/kept && rm /in/deleted && ls /in", mounts=(OverlayMount(target="/in", **folders),)
    )
    container_id = docker_runtime.create(spec)
    docker_runtime.start(container_id)
    docker_runtime.wait(container_id)

    lines = [line.data for batch in docker_runtime.stream_logs(container_id, 0) for line in batch]
    assert b"\n".join(lines) == b"cachedkept"
    (mount,) = api.inspect_container(container_id)["Mounts"]
    assert mount["Name"] in volumes(api)  # of its container only: other tests make volumes at the same time
    docker_runtime.remove(container_id)

    assert mount["Name"] not in volumes(api)
    assert sorted(path.name for path in folders["lower"].iterdir()) == ["deleted", "kept"]
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def volumes(api: docker.APIClient) -> set[str]:
    return {volume["Name"] for volume in api.volumes()["Volumes"] or []}
