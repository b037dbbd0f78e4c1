"""`docker compose build` with network: it downloads the locked packages. The base image is the local one, because its
registry may be unreachable.
"""

import os
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from containers.build import RECIPES
from processing_emulator.images.builder import build, smoke

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parent.parent.parent.parent


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the project with uncommitted changes, without ignored files, and with this machine's certificates."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    bundle = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if bundle and Path(bundle).is_file():
        (tmp_path / "ca-bundle.pem").write_bytes(Path(bundle).read_bytes())
    return tmp_path


@pytest.fixture
def engine(docker_engine: None) -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=600)
    yield client
    client.close()


def test_server_image_builds_from_the_package_index(clone: Path, engine: docker.DockerClient) -> None:
    image = f"pe-test-build-{uuid.uuid4().hex[:8]}"
    environment = {**os.environ, "EMULATOR_IMAGE": image, "BASE": build(engine, "python-base").tag}
    done = subprocess.run(
        [str(ROOT / "scripts" / "compose.sh"), "build", "emulator"],
        cwd=clone,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    try:
        smoke(engine, image, RECIPES["emulator"].smoke)
        listing = "ls -d /src /opt/uv /tmp/wheel /opt/*/lib/python3.11/site-packages/seaweedfs* 2>/dev/null || true"
        no_volume = {"/var/lib/processing-emulator": ""}
        shown = engine.containers.run(image, ["sh", "-c", listing], network_mode="none", tmpfs=no_volume, remove=True)
        assert shown == b"", "the final image has build files"
        labels = engine.images.get(image).labels
        assert [label for label in labels if label.startswith("processing-emulator")] == []
    finally:
        engine.images.remove(image)
