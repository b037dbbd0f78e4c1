"""A server process per test module, with real Docker, and a check that it leaves nothing behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from processing_emulator.adapters.volumes.image import unmount
from processing_emulator.adapters.volumes.mounts import mounted_below
from tests.e2e.server import EmulatorProcess
from tests.waiting import wait_for


def emulator_id(server: EmulatorProcess) -> str:
    return (server.data_dir / "id").read_text().strip()


def leftovers(server: EmulatorProcess) -> list[str]:
    """Containers of this emulator, in any state, its networks of jobs, and job folders."""
    engine = docker.from_env()
    try:
        label = f"processing-emulator.id={emulator_id(server)}"
        containers = [
            str(c.name) for c in engine.containers.list(all=True, filters={"label": label}, ignore_removed=True)
        ]
        networks = [str(n.name) for n in engine.networks.list(filters={"label": label})]
    finally:
        engine.close()
    return containers + networks + [str(path) for path in (server.data_dir / "jobs").iterdir()]


def unmount_leftovers(server: EmulatorProcess) -> None:
    """After a test that failed: a mounted volume would stay until the machine is restarted."""
    for point in mounted_below(server.data_dir):
        unmount(point)


@contextmanager
def running_server(folder: Path, **settings: str) -> Iterator[EmulatorProcess]:
    """A server with the bucket `bkt`, which must leave nothing."""
    process = EmulatorProcess(folder / "data", stop_grace_seconds="2", **settings).start()
    try:
        process.client("s3").create_bucket(Bucket="bkt")
        yield process
        assert process.stop() == 0, process.log()[-2000:]
        wait_for("no leftovers", lambda: not leftovers(process) or None, 5)
    finally:
        process.kill()
        unmount_leftovers(process)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Iterator[EmulatorProcess]:
    """A server with the bucket `bkt`, shared by the tests of a module."""
    with running_server(tmp_path_factory.mktemp("emulator")) as process:
        yield process


@pytest.fixture
def fresh_server(tmp_path: Path, docker_engine: None) -> Iterator[EmulatorProcess]:
    """A server for one test, not started yet."""
    process = EmulatorProcess(tmp_path / "data", stop_grace_seconds="2")
    try:
        yield process
    finally:
        process.kill()
        unmount_leftovers(process)
