"""Figures of the emulator beside a peer in the same minute: `make bench` prints the table of docs/performance.md.

Absolute times depend on the machine and its load; the ratios are what counts.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.builders import a_request, an_input, an_output
from tests.e2e.server import EmulatorProcess

IMAGE = "processing-emulator/python:3.11"
ROUNDS = 15
STARTS = 5


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def docker_run() -> None:
    subprocess.run(["docker", "run", "--rm", IMAGE, "true"], check=True)


def empty_job(server: EmulatorProcess, name: str) -> None:
    """Create to Completed, one small input and output."""
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


def started(folder: Path, **settings: str) -> tuple[float, float]:
    """Seconds to Ready, and resident megabytes of the idle server."""
    folder.mkdir()
    server = EmulatorProcess(folder / "data", **settings).start()
    try:
        server.control("health")
        return server.seconds_to_ready, psutil.Process(server.pid).memory_info().rss / 1e6
    finally:
        server.stop()


def row(what: str, figures: list[float], unit: str, note: str = "") -> float:
    middle = statistics.median(figures)
    print(f"| {what} | {middle:.2f} {unit} | {min(figures):.2f} - {max(figures):.2f} | {note} |", flush=True)
    return middle


def main() -> None:
    print("| what | median | range | beside |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bare = [started(root / f"bare{i}", s3_endpoint="http://127.0.0.1:1") for i in range(STARTS)]
        whole = [started(root / f"whole{i}") for i in range(STARTS)]
        row("start to Ready, S3 store elsewhere", [s for s, _ in bare], "s", "goal 1 s")
        row("start to Ready, embedded S3 store", [s for s, _ in whole], "s")
        row("memory of the idle server, health asked once", [m for _, m in bare], "MB", "goal 120 MB")
        (root / "jobs").mkdir()
        server = EmulatorProcess(root / "jobs" / "data").start()
        try:
            s3 = server.client("s3")
            s3.create_bucket(Bucket="bkt")
            s3.put_object(Bucket="bkt", Key="in/x", Body=b"x")
            docker_run()
            empty_job(server, "warm-up")
            pairs = [(seconds(lambda i=i: empty_job(server, f"e{i}")), seconds(docker_run)) for i in range(ROUNDS)]
        finally:
            server.stop()
        row("empty job, Create to Completed, one input and output", [j for j, _ in pairs], "s")
        row("`docker run --rm` of the same image", [d for _, d in pairs], "s")
        row(
            "ratio of the two, pair by pair",
            [j / d for j, d in pairs],
            "x",
            "goal 1.25 beside a script that stages, too",
        )


if __name__ == "__main__":
    main()
