"""Errors of a real engine, and how they are reported."""

from collections.abc import Callable

import pytest

from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.errors import ImageNotFound, RuntimeFailure, StartRejected
from processing_emulator.ports import ContainerSpec, NetworkAttachment
from tests.fixtures_docker import a_container


def attempt(runtime: DockerRuntime, spec: ContainerSpec) -> StartRejected:
    """Create and start a container; returns the error of either step."""
    with pytest.raises(StartRejected) as raised:
        runtime.start(runtime.create(spec))
    return raised.value


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["/no/such"], 127, 'exec: "/no/such": stat /no/such: no such file or directory'),
        (["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'),
        (["/etc/passwd"], 126, 'exec: "/etc/passwd": permission denied'),
    ],
)
def test_program_that_cannot_run_has_a_shell_s_exit_code(
    docker_runtime: DockerRuntime, command: list[str], code: int, message: str
) -> None:
    rejection = attempt(docker_runtime, a_container(*command))

    assert (rejection.exit_code, str(rejection)) == (code, message)


def test_folder_as_entrypoint_is_not_executable(docker_runtime: DockerRuntime) -> None:
    assert attempt(docker_runtime, a_container("/tmp")).exit_code == 126


def test_gpu_on_an_engine_without_gpus_is_refused(docker_runtime: DockerRuntime) -> None:
    rejection = attempt(docker_runtime, a_container("true", gpu_ids=("GPU-a",)))

    assert rejection.exit_code == 125


def too_many_cpus() -> ContainerSpec:
    return a_container("true", vcpus=4096)


def too_little_memory() -> ContainerSpec:
    return a_container("true", memory_bytes=1024)


def variable_without_a_name() -> ContainerSpec:
    return a_container("true", environment={"": "x"})


@pytest.mark.parametrize("spec", [too_many_cpus, too_little_memory, variable_without_a_name])
def test_configuration_that_the_engine_refuses_is_a_refused_start(
    docker_runtime: DockerRuntime, spec: Callable[[], ContainerSpec]
) -> None:
    rejection = attempt(docker_runtime, spec())

    assert rejection.exit_code == 125
    assert str(rejection)
    assert docker_runtime.list_ours() == []


def test_missing_network_is_a_refused_start(docker_runtime: DockerRuntime) -> None:
    rejection = attempt(docker_runtime, a_container("true", network=NetworkAttachment(network="no-such-network")))

    assert rejection.exit_code == 125
    assert "no-such-network" in str(rejection)


@pytest.mark.parametrize("image", ["nosuch/image:1", "sha256:" + "0" * 64])
def test_missing_image_is_reported(docker_runtime: DockerRuntime, image: str) -> None:
    with pytest.raises(ImageNotFound):
        docker_runtime.create(a_container("true", image=image))


def test_invalid_container_name_is_refused(docker_runtime: DockerRuntime) -> None:
    with pytest.raises(RuntimeFailure):
        docker_runtime.create(a_container("true", name="no/slashes"))

    assert docker_runtime.list_ours() == []
