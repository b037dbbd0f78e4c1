"""The output of `processing-emulator env --format docker` with `docker run --env-file`."""

import shutil
import subprocess
from pathlib import Path

import pytest

from processing_emulator.cli.env_formats import EnvFormat, render
from tests.fixtures_docker import TEST_IMAGE, missing

pytestmark = pytest.mark.docker

VALUES = {
    "PLAIN": "http://emulator:9320",
    "EMPTY": "",
    "QUOTES": 'it\'s "quoted"',
    "SIGNS": "$HOME ${HOME} `id` back\\slash #no comment = equals",
}


def test_values_arrive_unchanged(docker_engine: None, tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None:
        missing("the docker command is not installed")
    (tmp_path / "file.env").write_text(render(VALUES, ("OLD",), EnvFormat.DOCKER) + "\n")
    command = [docker, "run", "--rm", "--network", "none", "--env-file", str(tmp_path / "file.env"), TEST_IMAGE, "env"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    seen = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert {name: seen.get(name) for name in VALUES} == VALUES
