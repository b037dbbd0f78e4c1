"""What containers get on a real engine: command, environment, network, limits, mounts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest

from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.ports import BindMount
from tests.fixtures_docker import MIB, TEST_IMAGE, a_container
from tests.integration.docker.conftest import output_of


@pytest.fixture
def image_that_echoes(api: docker.APIClient) -> Iterator[str]:
    """An image whose ENTRYPOINT prints its arguments, and which has a CMD."""
    with an_image(api, Entrypoint=["/bin/echo", "image-entrypoint"], Cmd=["image-cmd"]) as image:
        yield image


@contextmanager
def an_image(api: docker.APIClient, **config: object) -> Iterator[str]:
    """Commit the test image with changes to its configuration."""
    made = api.create_container_from_config({"Image": TEST_IMAGE, "Cmd": ["true"], **config}, None)  # type: ignore[no-untyped-call]
    image = api.commit(made["Id"])["Id"]
    api.remove_container(made["Id"], v=True)
    try:
        yield image
    finally:
        api.remove_image(image, force=True)


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "printed"),
    [
        ((), None, "image-entrypoint image-cmd"),
        (("/bin/echo", "mine"), None, "mine"),
        ((), ("one", "two words", "$HOME"), "image-entrypoint one two words $HOME"),
        (("/bin/echo", "mine"), ("one",), "mine one"),
    ],
)
def test_four_combinations_of_entrypoint_and_arguments(
    docker_runtime: DockerRuntime,
    image_that_echoes: str,
    entrypoint: tuple[str, ...],
    arguments: tuple[str, ...] | None,
    printed: str,
) -> None:
    spec = a_container(*entrypoint, image=image_that_echoes, arguments=arguments)

    assert output_of(docker_runtime, spec) == [printed]


LOOK = """
import json, os, socket
read = lambda path: open(path).read().split()
print(json.dumps({
    "environment": {name: os.environ.get(name) for name in ("A", "EMPTY")},
    "hostname": socket.gethostname(),
    "own address": socket.gethostbyname("algo-1"),
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
    "pid": os.getpid(),
    "tty": os.isatty(1),
}))
"""


def seen_inside(runtime: DockerRuntime, **changes: Any) -> dict[str, Any]:
    (line,) = output_of(runtime, a_container("python3", "-c", LOOK, **changes))
    seen: dict[str, Any] = json.loads(line)
    return seen


def test_container_has_its_environment_hostname_and_shared_memory(docker_runtime: DockerRuntime) -> None:
    seen = seen_inside(docker_runtime, environment={"A": "x=y z\nnext", "EMPTY": ""}, shm_bytes=24 * MIB)

    assert seen["environment"] == {"A": "x=y z\nnext", "EMPTY": ""}
    assert seen["hostname"] == "algo-1"
    assert not seen["own address"].startswith("127.")
    assert seen["shm"] == 24 * MIB
    assert (seen["pid"], seen["tty"]) == (1, False)


def test_isolated_container_has_no_network_and_resolves_its_hostname(docker_runtime: DockerRuntime) -> None:
    seen = seen_inside(docker_runtime, network=None)

    assert seen["interfaces"] == ["lo"]
    assert (seen["hostname"], seen["own address"]) == ("algo-1", "127.0.0.1")


def test_container_has_limits_and_no_privileges(docker_runtime: DockerRuntime, api: docker.APIClient) -> None:
    container_id = docker_runtime.create(a_container("true", memory_bytes=64 * MIB, vcpus=0.5))

    config = api.inspect_container(container_id)["HostConfig"]

    assert (config["Memory"], config["MemorySwap"], config["NanoCpus"]) == (64 * MIB, 64 * MIB, 500_000_000)
    assert config["PidsLimit"] == 16_384
    assert config["RestartPolicy"]["Name"] in ("", "no")
    assert not config["Privileged"]
    assert not config["CapAdd"]
    assert not config.get("Init")
    assert not config["AutoRemove"]
    assert config["LogConfig"]["Config"] == {"max-size": "268435456", "max-file": "4"}


def test_gpus_are_requested_from_the_engine_by_id(docker_runtime: DockerRuntime, api: docker.APIClient) -> None:
    container_id = docker_runtime.create(a_container("true", gpu_ids=("GPU-a", "GPU-b")))

    (request,) = api.inspect_container(container_id)["HostConfig"]["DeviceRequests"]

    assert (request["DeviceIDs"], request["Capabilities"]) == (["GPU-a", "GPU-b"], [["gpu"]])


def test_nested_mounts(docker_runtime: DockerRuntime, tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    (outer / "code").mkdir(parents=True)
    inner.mkdir()
    (outer / "data").write_text("data")
    (inner / "run.sh").write_text("script")
    mounts = (
        BindMount(source=inner, target="/opt/ml/processing/input/code"),
        BindMount(source=outer, target="/opt/ml/processing/input"),
    )

    spec = a_container(
        "sh", "-c", "cd /opt/ml/processing/input && cat data code/run.sh && echo x > made", mounts=mounts
    )

    assert output_of(docker_runtime, spec) == ["datascript"]
    assert (outer / "made").read_text() == "x\n"


def test_number_of_processes_is_limited(docker_runtime: DockerRuntime) -> None:
    spec = a_container("sh", "-c", "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null")

    assert output_of(docker_runtime, spec) == ["16384"]


def test_anonymous_volumes_are_removed_with_their_container(
    docker_runtime: DockerRuntime, api: docker.APIClient
) -> None:
    with an_image(api, Volumes={"/scratch": {}}) as image:
        container_id = docker_runtime.create(a_container("sh", "-c", "echo x > /scratch/x", image=image))
        docker_runtime.start(container_id)
        docker_runtime.wait(container_id)
        (mount,) = api.inspect_container(container_id)["Mounts"]
        assert api.inspect_volume(mount["Name"])

        docker_runtime.remove(container_id)

    with pytest.raises(docker.errors.NotFound):
        api.inspect_volume(mount["Name"])


def test_out_of_memory_child_is_reported_with_the_exit_code_of_its_parent(docker_runtime: DockerRuntime) -> None:
    """The main process may survive; the engine sets OOMKilled for the whole container."""
    child = "subprocess.run(['python3', '-c', 'bytearray(1 << 30)'])"
    code = f"import subprocess, sys; sys.exit(5 if {child}.returncode == -9 else 0)"
    container_id = docker_runtime.create(a_container("python3", "-c", code, memory_bytes=64 * MIB))
    docker_runtime.start(container_id)

    assert docker_runtime.wait(container_id) == ContainerExit(code=5, out_of_memory=True)
