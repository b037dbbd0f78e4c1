"""Runs of the SageMaker SDK's processors, side by side: an SDK that waits for a job sleeps most of the time."""

import re
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from tests.e2e.clients.conftest import PROGRAMS, Outpost, python_of
from tests.e2e.clients.island import Finished, end, finish
from tests.e2e.server import EmulatorProcess
from tests.fixtures_docker import TEST_IMAGE
from tests.waiting import wait_for

DEFAULT_BUCKET = "sagemaker-us-east-1-000000000000"
"""The one that `processing-emulator env` writes into the SDK's configuration."""

RUN_SECONDS = 300.0
"""Generous: it takes a third of that on an idle machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a program is told: which processor, and the arguments for work.py."""

    kind: str
    arguments: tuple[str, ...] = ()
    requirements: str | None = None


RUNS: dict[str, Run] = {
    # Longer than the SDK's first look at the logs, so that they are followed while the job runs.
    "processor": Run(kind="Processor", arguments=("--lines", "400", "--pause", "0.05")),
    "script": Run(kind="ScriptProcessor", arguments=("--lines", "3000")),
    "sklearn": Run(kind="SKLearnProcessor"),
    "framework": Run(kind="FrameworkProcessor", arguments=("--lines", "50")),
    "failing": Run(kind="ScriptProcessor", arguments=("--lines", "20", "--fail", "no such column: price")),
    "stopped": Run(kind="ScriptProcessor", arguments=("--lines", "100000", "--pause", "0.1")),
    "requirements": Run(kind="FrameworkProcessor", requirements="not-to-be-had-offline==1.0\n"),
}

MORE_RUNS: Mapping[str, dict[str, Run]] = {
    "2": {},
    "3": {
        "resource": Run(kind="Resource", arguments=("--lines", "200")),
        "resource-failing": Run(kind="Resource", arguments=("--lines", "20", "--fail", "no such column: price")),
    },
}


def job_of(generation: str, name: str) -> str:
    return f"v{generation}-{name}"


def run_all(outpost: Outpost, generation: str, folder: Path) -> Mapping[str, Finished]:
    """Every run of one generation of the SDK, each a process of its own."""
    _share_input(outpost.server)
    with ExitStack() as stack:
        started = {}
        for name, run in (RUNS | MORE_RUNS[generation]).items():
            home = folder / name
            _lay_out(home, run)
            command = [python_of(f"sagemaker-{generation}"), str(PROGRAMS / f"sagemaker_{generation}.py")]
            command += [run.kind, TEST_IMAGE, job_of(generation, name), *run.arguments]
            started[name] = outpost.start(home, *command)
            stack.callback(end, started[name])  # each makes the default bucket, as in us-east-1 several may
        _stop_when_it_prints(outpost.server, job_of(generation, "stopped"))
        return {
            name: finish(process, folder=folder / name, timeout_seconds=RUN_SECONDS)
            for name, process in started.items()
        }


def _share_input(server: EmulatorProcess) -> None:
    """What all programs read; the other generation may have run on this server before."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="shared")
    s3.put_object(Bucket="shared", Key="more/a.csv", Body=b"10\n20\n")


def _lay_out(home: Path, run: Run) -> None:
    """A user's folder: the program, the same again as a source folder, and data."""
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
            return False  # its program is not that far yet
        return bool(server.log_lines(job))

    wait_for(f"{job} to print", has_lines, RUN_SECONDS)
    server.client("sagemaker").stop_processing_job(ProcessingJobName=job)


def lines_printed(finished: Finished) -> list[str]:
    """What work.py has printed, as the SDK shows it; v3's resources put it in a column of their own log."""
    return re.findall(r"^\s*(line \d+)\s*$", finished.stdout, re.MULTILINE)


def lines_expected(count: int) -> list[str]:
    return [f"line {number:05}" for number in range(1, count + 1)]


def result_of(server: EmulatorProcess, job: str) -> bytes:
    """The output of work.py, from where the SDK sends it by default."""
    answer = server.client("s3").get_object(Bucket=DEFAULT_BUCKET, Key=f"{job}/output/result/sum.txt")
    content: bytes = answer["Body"].read()
    return content
