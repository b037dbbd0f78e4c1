"""Shared fixtures: registries, and a Docker client of the tests' own to inspect the engine."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.ports import ContainerSpec
from tests.fixtures_docker import Registry, running_registry


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in this folder with `docker`."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.docker)


@pytest.fixture
def api(docker_engine: None) -> Iterator[docker.APIClient]:
    client = docker.APIClient(version="auto")
    yield client
    client.close()


def output_of(runtime: DockerRuntime, spec: ContainerSpec) -> list[str]:
    """Run a container until it exits; returns the lines it printed."""
    container_id = runtime.create(spec)
    runtime.start(container_id)
    runtime.wait(container_id)
    return [line.data.decode() for batch in runtime.stream_logs(container_id, 0) for line in batch]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The storage shared by both registries of a module."""
    return tmp_path_factory.mktemp("registry-storage")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, storage: Path, docker_engine: None) -> Iterator[Registry]:
    """A registry without a password."""
    with running_registry(tmp_path_factory.mktemp("registry"), storage) as made:
        yield made


@pytest.fixture(scope="module")
def locked_registry(tmp_path_factory: pytest.TempPathFactory, storage: Path, docker_engine: None) -> Iterator[Registry]:
    """A registry with the same images and a password."""
    with running_registry(tmp_path_factory.mktemp("locked"), storage, with_password=True) as made:
        yield made
