"""Describe, Create and a List page next to moto's server, both with 100,000 jobs stored and under the same load.

Ours is the whole server on its database; moto's keeps its jobs in memory. The rounds take turns. While jobs are
created one job holds all the capacity, so that the new ones wait in the queue, as they do under real load.
"""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one server did in one round."""

    per_second: float
    p99_ms: float
    cpu_us: float
    """Processor time of the server for each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One of the two."""

    url: str
    pid: int

    def round(self, what: What, seconds: float) -> Round:
        before = self._cpu_seconds()
        done = load(self.url, what, stored=STORED, seconds=seconds)
        cpu_us = 1e6 * (self._cpu_seconds() - before) / done.requests
        return Round(per_second=done.per_second, p99_ms=done.p99_ms, cpu_us=cpu_us)

    def _cpu_seconds(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


def measure() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        busy_server(Path(folder), STORED) as emulator,
        moto_server(STORED) as (moto_url, moto_pid),
    ):
        ours, moto = Server(url=emulator.url, pid=emulator.pid), Server(url=moto_url, pid=moto_pid)
        _compare("describe", "Describe of jobs spread over 100,000", "floor 3 x", ours, moto)
        _compare("create", "Create among 100,000, all of them waiting", "floor 3 x", ours, moto)
        _compare("list", "a List page of 100 among 100,000", "floor 3 x", ours, moto)


def _compare(what: What, title: str, goal: str, ours: Server, moto: Server) -> None:
    """Rounds in turn, and the rows of them."""
    for server in (ours, moto):
        server.round(what, 1)
    pairs = [(ours.round(what, ROUND_SECONDS), moto.round(what, ROUND_SECONDS)) for _ in range(ROUNDS)]
    _show(title, [mine for mine, _ in pairs])
    _show("the same on moto's server", [its for _, its in pairs])
    row("ratio of the two, pair by pair", [mine.per_second / its.per_second for mine, its in pairs], "x", goal)
    row("ratio of their processor time for each", [its.cpu_us / mine.cpu_us for mine, its in pairs], "x")


def _show(title: str, rounds: Sequence[Round]) -> None:
    p99_ms = statistics.median(each.p99_ms for each in rounds)
    cpu_us = statistics.median(each.cpu_us for each in rounds)
    note = f"p99 {p99_ms:.1f} ms, {cpu_us:,.0f} us of processor each"
    row(title, [each.per_second for each in rounds], "/s", note)


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
