"""Errors of a real engine, and how they are reported."""

from pathlib import Path

import pytest

from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.errors import ImageNotFound, RuntimeFailure, StartRejected
from processing_emulator.ports import BindMount, ContainerSpec, NetworkAttachment
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


def engine_fault(runtime: DockerRuntime, spec: ContainerSpec) -> str:
    """Create and start a container; the message of the error, which is not the user's fault."""
    with pytest.raises(RuntimeFailure) as raised:
        runtime.start(runtime.create(spec))
    assert type(raised.value) is RuntimeFailure
    return str(raised.value)


def test_gpu_on_an_engine_without_the_toolkit_says_what_to_install(docker_runtime: DockerRuntime) -> None:
    assert "install nvidia-container-toolkit" in engine_fault(docker_runtime, a_container("true", gpu_ids=("GPU-a",)))


def test_missing_network_is_named(docker_runtime: DockerRuntime) -> None:
    spec = a_container("true", network=NetworkAttachment(network="no-such-network"))

    assert "network no-such-network not found; create the network" in engine_fault(docker_runtime, spec)


@pytest.mark.parametrize("spec", [a_container("true", vcpus=4096), a_container("true", memory_bytes=1024)])
def test_limits_that_the_engine_refuses_are_not_the_user_s_fault(
    docker_runtime: DockerRuntime, spec: ContainerSpec
) -> None:
    assert engine_fault(docker_runtime, spec)
    assert docker_runtime.list_ours() == []


def test_variable_without_a_name_is_the_user_s_fault(docker_runtime: DockerRuntime) -> None:
    rejection = attempt(docker_runtime, a_container("true", environment={"": "x"}))

    assert rejection.exit_code == 125


def test_folder_mounted_on_a_file_of_the_image_is_the_user_s_fault(
    docker_runtime: DockerRuntime, tmp_path: Path
) -> None:
    spec = a_container("true", mounts=(BindMount(source=tmp_path, target="/etc/passwd"),))

    assert attempt(docker_runtime, spec).exit_code == 125


@pytest.mark.parametrize("image", ["nosuch/image:1", "sha256:" + "0" * 64])
def test_missing_image_is_reported(docker_runtime: DockerRuntime, image: str) -> None:
    with pytest.raises(ImageNotFound):
        docker_runtime.create(a_container("true", image=image))


def test_invalid_container_name_is_refused(docker_runtime: DockerRuntime) -> None:
    with pytest.raises(RuntimeFailure):
        docker_runtime.create(a_container("true", name="no/slashes"))

    assert docker_runtime.list_ours() == []
