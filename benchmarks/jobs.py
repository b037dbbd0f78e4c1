"""Server start time, idle memory, and the duration of an empty job next to `docker run`."""

import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.table import row, seconds
from tests.builders import a_request, an_input, an_output
from tests.e2e.server import EmulatorProcess

IMAGE = "processing-emulator/python:3.11"
ROUNDS = 15
MANY, AT_ONCE, MANY_ROUNDS = 100, 8, 3
STARTS = 5


def measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _measure_start(Path(folder))
        _measure_job(Path(folder) / "jobs")
        _measure_many(Path(folder) / "many")


def _measure_start(root: Path) -> None:
    external = [_started(root / f"external{i}", s3_endpoint="http://127.0.0.1:1") for i in range(STARTS)]
    embedded = [_started(root / f"embedded{i}") for i in range(STARTS)]
    row("start to Ready, external S3 store", [s for s, _ in external], "s", "goal 1 s")
    row("start to Ready, embedded S3 store", [s for s, _ in embedded], "s")
    row("memory of the idle server after one health request", [m for _, m in external], "MB", "goal 90 MB")


def _measure_job(folder: Path) -> None:
    folder.mkdir()
    server = EmulatorProcess(folder / "data").start()
    try:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="bkt")
        s3.put_object(Bucket="bkt", Key="in/x", Body=b"x")
        _docker_run()
        _empty_job(server, "warm-up")
        pairs = [(seconds(lambda i=i: _empty_job(server, f"e{i}")), seconds(_docker_run)) for i in range(ROUNDS)]
    finally:
        server.stop()
    row("empty job, Create to Completed, one input and output", [j for j, _ in pairs], "s")
    row("`docker run --rm` of the same image", [d for _, d in pairs], "s")
    note = "goal 1.25 x a script that also stages"
    row("ratio of the two, pair by pair", [j / d for j, d in pairs], "x", note)


def _measure_many(folder: Path) -> None:
    """Rounds in turn, since the machine may be busier in one minute than in the next."""
    folder.mkdir()
    room = {"capacity_cpus": str(2 * AT_ONCE), "capacity_memory_mib": str(4096 * AT_ONCE)}  # of ml.t3.medium
    server = EmulatorProcess(folder / "data", **room).start()
    try:
        _docker_run()
        pairs = [(seconds(lambda i=i: _many_jobs(server, f"many{i}")), seconds(_many_runs)) for i in range(MANY_ROUNDS)]
    finally:
        server.stop()
    row(f"{MANY} jobs that print a line, {AT_ONCE} at a time", [j for j, _ in pairs], "s")
    row(f"`xargs -P{AT_ONCE} docker run --rm` of the same", [d for _, d in pairs], "s")
    row("ratio of the two, pair by pair", [j / d for j, d in pairs], "x", "goal 1.0 x")


def _many_jobs(server: EmulatorProcess, prefix: str) -> None:
    """From the first Create until the last job is completed."""
    sagemaker = server.client("sagemaker")
    for number in range(MANY):
        sagemaker.create_processing_job(
            **a_request(f"{prefix}-{number}", image=IMAGE, entrypoint=["echo", str(number)])
        )
    query = {"NameContains": f"{prefix}-", "StatusEquals": "Completed", "MaxResults": 100}
    while len(sagemaker.list_processing_jobs(**query)["ProcessingJobSummaries"]) < MANY:
        time.sleep(0.2)  # a page of 100 jobs takes the server some milliseconds


def _many_runs() -> None:
    numbers = "".join(f"{number}\n" for number in range(MANY))
    command = ["xargs", f"-P{AT_ONCE}", "-I{}", "docker", "run", "--rm", IMAGE, "echo", "{}"]
    subprocess.run(command, input=numbers, text=True, check=True, stdout=subprocess.DEVNULL)


def _docker_run() -> None:
    subprocess.run(["docker", "run", "--rm", IMAGE, "true"], check=True)


def _empty_job(server: EmulatorProcess, name: str) -> None:
    """From Create to Completed, with one small input and output."""
    sagemaker = server.client("sagemaker")
    sagemaker.create_processing_job(
        **a_request(
            name,
            image=IMAGE,
            entrypoint=["sh", "-c", "echo x > /opt/ml/processing/output/f"],
            inputs=[an_input()],
            outputs=[an_output()],
        )
    )
    while True:
        answer = sagemaker.describe_processing_job(ProcessingJobName=name)
        if answer["ProcessingJobStatus"] == "Completed":
            return
        if answer["ProcessingJobStatus"] != "InProgress":
            raise SystemExit(f"the job failed: {answer}")
        time.sleep(0.005)


def _started(folder: Path, **settings: str) -> tuple[float, float]:
    """Start a server; returns seconds to Ready and its resident memory in MB when idle."""
    folder.mkdir()
    server = EmulatorProcess(folder / "data", **settings).start()
    try:
        server.control("health")
        return server.seconds_to_ready, psutil.Process(server.pid).memory_info().rss / 1e6
    finally:
        server.stop()
