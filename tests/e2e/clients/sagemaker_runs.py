"""Runs the SageMaker SDK's processors in parallel, because an SDK that waits for a job mostly sleeps."""

import re
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import docker
from botocore.exceptions import ClientError

from processing_emulator.images.builder import build
from tests.e2e.clients.conftest import PROGRAMS, IsolatedClients, python_of
from tests.e2e.clients.isolated_network import FinishedProcess, end, finish
from tests.e2e.server import EmulatorProcess
from tests.fixtures_docker import TEST_IMAGE
from tests.waiting import wait_for

DEFAULT_BUCKET = "sagemaker-us-east-1-000000000000"
"""The bucket that `processing-emulator env` writes into the SDK's configuration."""

RUN_SECONDS = 300.0
"""Three times the duration on an idle machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Which processor a program runs, and the arguments for work.py."""

    kind: str
    arguments: tuple[str, ...] = ()
    requirements: str | None = None


RUNS: dict[str, Run] = {
    # Runs longer than the SDK's first poll of the logs, so that it follows them while the job runs.
    "processor": Run(kind="Processor", arguments=("--lines", "400", "--pause", "0.05")),
    "script": Run(kind="ScriptProcessor", arguments=("--lines", "3000")),
    "sklearn": Run(kind="SKLearnProcessor:1.2-1", arguments=("--module", "sklearn")),
    "sklearn-newer": Run(kind="SKLearnProcessor:1.4-2", arguments=("--module", "sklearn")),
    "framework": Run(kind="FrameworkProcessor:1.2-1", arguments=("--lines", "50")),
    "failing": Run(kind="ScriptProcessor", arguments=("--lines", "20", "--fail", "no such column: price")),
    "stopped": Run(kind="ScriptProcessor", arguments=("--lines", "100000", "--pause", "0.1")),
    "requirements": Run(kind="FrameworkProcessor:1.2-1", requirements="not-to-be-had-offline==1.0\n"),
}

MORE_RUNS: Mapping[str, dict[str, Run]] = {
    "2": {"xgboost": Run(kind="XGBoostProcessor:3.0-5", arguments=("--module", "xgboost"))},
    "3": {
        "resource": Run(kind="Resource", arguments=("--lines", "200")),
        "resource-failing": Run(kind="Resource", arguments=("--lines", "20", "--fail", "no such column: price")),
    },
}


def job_of(generation: str, name: str) -> str:
    return f"v{generation}-{name}"


def run_all(clients: IsolatedClients, generation: str, folder: Path) -> Mapping[str, FinishedProcess]:
    """Run all programs of one generation of the SDK, each in its own process."""
    _share_input(clients.server)
    _build_the_images_on_demand(generation)
    with ExitStack() as stack:
        started = {}
        for name, run in (RUNS | MORE_RUNS[generation]).items():
            home = folder / name
            _lay_out(home, run)
            command = [python_of(f"sagemaker-{generation}"), str(PROGRAMS / f"sagemaker_{generation}.py")]
            command += [run.kind, TEST_IMAGE, job_of(generation, name), *run.arguments]
            started[name] = clients.start(home, *command)
            stack.callback(end, started[name])  # all create the default bucket, which us-east-1 allows
        _stop_when_it_prints(clients.server, job_of(generation, "stopped"))
        return {
            name: finish(process, folder=folder / name, timeout_seconds=RUN_SECONDS)
            for name, process in started.items()
        }


def _share_input(server: EmulatorProcess) -> None:
    """Upload the input of all programs. The bucket may exist from the other generation's run."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="shared")
    s3.put_object(Bucket="shared", Key="more/a.csv", Body=b"10\n20\n")


def _build_the_images_on_demand(generation: str) -> None:
    """Those that are not among the images that the tests find built; XGBoost is built on scikit-learn 1.4-2."""
    engine = docker.from_env(timeout=600)
    try:
        build(engine, "xgboost:3.0-5" if "xgboost" in MORE_RUNS[generation] else "scikit-learn:1.4-2")
    finally:
        engine.close()


def _lay_out(home: Path, run: Run) -> None:
    """Create a user's folder: the program, a source folder with it, and data."""
    (home / "data").mkdir(parents=True)
    (home / "source").mkdir()
    (home / "data" / "numbers.csv").write_text("1\n2\n3\n")
    shutil.copy(PROGRAMS / "work.py", home)
    shutil.copy(PROGRAMS / "work.py", home / "source")
    if run.requirements is not None:
        (home / "source" / "requirements.txt").write_text(run.requirements)


def _stop_when_it_prints(server: EmulatorProcess, job: str) -> None:
    def has_lines() -> bool:
        try:
            server.describe(job)
        except ClientError:
            return False  # not created yet
        return bool(server.log_lines(job))

    wait_for(f"{job} to print", has_lines, RUN_SECONDS)
    server.client("sagemaker").stop_processing_job(ProcessingJobName=job)


def lines_printed(finished: FinishedProcess) -> list[str]:
    """The lines of work.py in the SDK's output; v3's resources indent them."""
    return re.findall(r"^\s*(line \d+)\s*$", finished.stdout, re.MULTILINE)


def lines_expected(count: int) -> list[str]:
    return [f"line {number:05}" for number in range(1, count + 1)]


def result_of(server: EmulatorProcess, job: str) -> bytes:
    """The output of work.py at the SDK's default S3 location."""
    answer = server.client("s3").get_object(Bucket=DEFAULT_BUCKET, Key=f"{job}/output/result/sum.txt")
    content: bytes = answer["Body"].read()
    return content


def image_that_ran(server: EmulatorProcess, job: str) -> str:
    """The stand-in that replaced the job's image, by the job's history."""
    events = server.control(f"jobs/{job}")["events"]
    (image,) = [event["detail"]["image"] for event in events if event["action"] == "image_substituted"]
    return str(image)
