"""The pytest plugin: a server for the test run, buckets, and jobs whose logs are in the report when they fail.

pytest loads this module in every run, so it imports nothing but pytest: what a fixture needs is imported when it is
asked for.
"""

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from processing_emulator.pytest_plugin.emulator import SageMakerEmulator
    from processing_emulator.pytest_plugin.job_run import RunProcessingJob

_FOLDER = pytest.StashKey[Path]()
_JOBS = pytest.StashKey[list[dict[str, str]]]()
_INPUT = "processing_emulator_folder"
PROPERTY = "processing_job"
"""Name of the property of a test's report that holds a job as JSON."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("processing-emulator", "Processing Emulator")
    group.addoption("--emulator-url", help="Use the server at this address instead of starting one.")
    group.addoption(
        "--emulator-runner",
        choices=["docker", "simulate"],
        help="What runs jobs: docker, or simulate, which needs no Docker. Default: the setting RUNNER.",
    )
    group.addoption("--emulator-keep", action="store_true", help="Leave the server and its data when the run ends.")


def pytest_configure(config: pytest.Config) -> None:
    """Agree on the folder of the run's server; it is made by the first test that needs it."""
    config.addinivalue_line(
        "markers",
        "emulator_fault(operation, code, *, service='sagemaker', status=400, times=1, message=None): "
        "the test's next requests for an operation get this error.",
    )
    given = getattr(config, "workerinput", {}).get(_INPUT)
    config.stash[_FOLDER] = Path(given or Path(tempfile.gettempdir()) / f"processing-emulator-{uuid.uuid4().hex[:12]}")
    jobs = config.stash[_JOBS] = []
    config.pluginmanager.register(_JobsOfReports(jobs))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the folder."""
    node.workerinput[_INPUT] = str(node.config.stash[_FOLDER])


class _JobsOfReports:
    """Collects the jobs of tests that are over; reports do not have the configuration that they belong to."""

    def __init__(self, jobs: list[dict[str, str]]) -> None:
        self._jobs = jobs

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See pytest."""
        if report.when == "teardown":
            found = [json.loads(str(value)) for name, value in report.user_properties if name == PROPERTY]
            self._jobs += [{"test": report.nodeid, **job} for job in found]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write the summary of GitHub Actions, and say where a server was left."""
    if hasattr(config, "workerinput"):
        return
    jobs, path = config.stash[_JOBS], os.environ.get("GITHUB_STEP_SUMMARY")
    if jobs and path:
        from processing_emulator.pytest_plugin.summary import job_table

        with Path(path).open("a", encoding="utf-8") as file:
            file.write(job_table(jobs))
    folder = config.stash[_FOLDER]
    if config.getoption("emulator_keep") and (folder / "url").exists():
        terminalreporter.write_line(f"processing-emulator was left: processing-emulator stop --data-dir {folder}/data")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the run's server, after all workers have ended."""
    folder = config.stash.get(_FOLDER, None)
    is_worker = hasattr(config, "workerinput")
    if folder is None or is_worker or config.getoption("emulator_keep") or not folder.exists():
        return
    from processing_emulator.pytest_plugin.run_server import RunServer

    RunServer(folder).stop()


@pytest.fixture(scope="session")
def sagemaker_emulator(pytestconfig: pytest.Config) -> Iterator["SageMakerEmulator"]:
    """A server for the whole run, shared by all workers, to which AWS clients in this process are pointed.

    Each worker has an account of its own.
    """
    from processing_emulator.pytest_plugin.emulator import open_emulator

    with open_emulator(
        pytestconfig.stash[_FOLDER],
        url=pytestconfig.getoption("emulator_url"),
        runner=pytestconfig.getoption("emulator_runner"),
        worker=os.environ.get("PYTEST_XDIST_WORKER", ""),
    ) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _emulator_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    """The faults that the test's marks ask for, until it is over."""
    marks = list(request.node.iter_markers("emulator_fault"))
    if not marks:
        yield
        return
    emulator: SageMakerEmulator = request.getfixturevalue("sagemaker_emulator")
    with ExitStack() as faults:
        for mark in reversed(marks):  # in the order in which they are written
            faults.enter_context(emulator.fault(*mark.args, **mark.kwargs))
        yield


@pytest.fixture
def emulator_bucket(sagemaker_emulator: "SageMakerEmulator", pytestconfig: pytest.Config) -> Iterator[str]:
    """The name of a new bucket, which is deleted with its objects after the test."""
    name = sagemaker_emulator.make_bucket()
    yield name
    if not pytestconfig.getoption("emulator_keep"):
        sagemaker_emulator.remove_bucket(name)


@pytest.fixture
def run_processing_job(
    sagemaker_emulator: "SageMakerEmulator", request: pytest.FixtureRequest, tmp_path: Path
) -> "RunProcessingJob":
    """A function that runs a job and waits for it; see `RunProcessingJob`."""
    from processing_emulator.pytest_plugin.job_run import RunProcessingJob

    return RunProcessingJob(sagemaker_emulator, request.node, tmp_path)
