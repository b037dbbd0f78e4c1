"""Every notebook of examples/notebooks, executed top to bottom with the SageMaker Python SDK v2, offline."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound

from tests.e2e.clients.conftest import IsolatedClients, client_home
from tests.e2e.clients.isolated_network import FinishedProcess, end, finish
from tests.fixtures_docker import missing

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
RUN_SECONDS = 600.0
"""Several times the duration of all of them side by side on an idle machine."""

JOBS = {
    "census": ["Completed", "Completed", "Completed"],
    "dask": ["Completed"],
    "failing": ["Failed"],
    "fares": ["Completed"],
    "merge": ["Completed"],
    "profile": ["Completed"],
    "segments": ["Completed"],
}
"""How the jobs of all notebooks end, by the start of their names."""


@pytest.fixture(scope="module")
def docker_command() -> Iterator[None]:
    """Two notebooks build images with it, which are removed afterwards."""
    if shutil.which("docker") is None:
        missing("the notebooks need the docker command: apt-get install docker.io")
    yield
    engine = docker.from_env(timeout=120)
    try:
        for name in ("example-profile:1", "example-dask:1"):
            _remove(engine, name)
    finally:
        engine.close()


def _remove(engine: docker.DockerClient, image: str) -> None:
    try:
        engine.images.remove(image)
    except ImageNotFound:
        return  # its notebook has failed before


@pytest.fixture(scope="module")
def executed(
    clients: IsolatedClients, docker_command: None, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[FinishedProcess, Path]]:
    """Execute all notebooks side by side, because they mostly wait; the process and the folder of each."""
    folder = tmp_path_factory.mktemp("notebooks")
    home = client_home("sagemaker-2")
    environment = {"PATH": f"{home}/bin:{os.environ['PATH']}", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{home}/wheels"}
    if "DOCKER_HOST" in os.environ:
        environment["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
    with ExitStack() as stack:
        started = {}
        for notebook in NOTEBOOKS:
            own = folder / notebook.stem
            own.mkdir()
            command = [str(home / "bin" / "python"), str(ROOT / "scripts" / "execute_notebooks.py")]
            variables = {**environment, "TMPDIR": str(own)}
            started[own] = clients.start(own, *command, str(own), str(notebook), environment=variables)
            stack.callback(end, started[own])
        return {
            own.name: (finish(process, folder=own, timeout_seconds=RUN_SECONDS), own)
            for own, process in started.items()
        }


def outputs_of(notebook: Path) -> list[Mapping[str, Any]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs_top_to_bottom_and_shows_a_plot(
    executed: Mapping[str, tuple[FinishedProcess, Path]], name: str
) -> None:
    finished, folder = executed[name]
    assert finished.code == 0, finished
    outputs = outputs_of(folder / f"{name}.ipynb")
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert all(output["output_type"] != "error" for output in outputs)


def test_jobs_of_the_notebooks_ended_as_they_say(
    clients: IsolatedClients, executed: Mapping[str, tuple[FinishedProcess, Path]]
) -> None:
    pages = clients.server.client("sagemaker").get_paginator("list_processing_jobs").paginate()
    jobs = [job for page in pages for job in page["ProcessingJobSummaries"]]
    ended = {
        start: [job["ProcessingJobStatus"] for job in jobs if job["ProcessingJobName"].startswith(f"{start}-")]
        for start in JOBS
    }
    assert ended == JOBS
