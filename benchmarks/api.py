"""Describe, Create and a List page beside moto's server, both with 100,000 jobs stored and under the same load.

Ours is the whole server on its database; moto's keeps its jobs in memory. The rounds take turns. While jobs are
created one job holds all the capacity, so that those created wait in the queue, as they would in earnest.
"""

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.filling import fill
from benchmarks.load import What, load
from benchmarks.moto_process import moto_server
from benchmarks.table import row
from tests.builders import a_request
from tests.e2e.server import EmulatorProcess

STORED = 100_000
ROUNDS = 5
ROUND_SECONDS = 3
IMAGE = "processing-emulator/python:3.11"


def measure() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        busy_server(Path(folder), STORED) as ours,
        moto_server(STORED) as moto,
    ):
        for what, title, goal in (
            ("describe", "Describe of jobs spread over 100,000", "goal 20 x"),
            ("create", "Create among 100,000, all of them waiting", "goal 20 x"),
            ("list", "a List page of 100 among 100,000", ""),
        ):
            compare(what, title, goal, ours.url, moto)


def compare(what: What, title: str, goal: str, ours: str, moto: str) -> None:
    """Rounds in turn, and three rows of them."""
    for url in (ours, moto):
        load(url, what, stored=STORED, seconds=1)
    pairs = [
        (
            load(ours, what, stored=STORED, seconds=ROUND_SECONDS),
            load(moto, what, stored=STORED, seconds=ROUND_SECONDS),
        )
        for _ in range(ROUNDS)
    ]
    slowest, slowest_moto = (
        statistics.median(loads) for loads in zip(*((a.p99_ms, b.p99_ms) for a, b in pairs), strict=True)
    )
    row(title, [mine.per_second for mine, _ in pairs], "/s", f"p99 {slowest:.1f} ms")
    row("the same on moto's server", [its.per_second for _, its in pairs], "/s", f"p99 {slowest_moto:.1f} ms")
    row("ratio of the two, pair by pair", [mine.per_second / its.per_second for mine, its in pairs], "x", goal)


@contextmanager
def busy_server(folder: Path, stored: int) -> Iterator[EmulatorProcess]:
    """Our server with `stored` jobs that are over and one that runs and leaves no room for another."""
    fill(folder / "data", stored)
    settings = {"s3_endpoint": "http://127.0.0.1:1", "capacity_cpus": "2", "stop_grace_seconds": "0"}
    server = EmulatorProcess(folder / "data", **settings).start()
    sagemaker = server.client("sagemaker")
    try:
        sagemaker.create_processing_job(**a_request("holder", image=IMAGE, entrypoint=["sleep", "3600"]))
        server.wait_for_phase("holder", "Running")
        yield server
    finally:
        sagemaker.stop_processing_job(ProcessingJobName="holder")
        server.wait_for_end("holder")
        server.stop()
