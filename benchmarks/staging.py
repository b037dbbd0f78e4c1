"""Stage in and out next to `s5cmd cp` on the same embedded store, and a warm stage-in next to the cold one.

A job copies its input to its output. Its times are from the phase StagingIn, or StagingOut, to the end of the transfer,
listing included; s5cmd's is that of the command. The two alternate.
"""

import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.memory import peak_memory
from benchmarks.table import row, seconds
from tests.builders import a_request, an_input, an_output
from tests.e2e.server import EmulatorProcess

ROUNDS = 3
MIB = 1024**2
IMAGE = "processing-emulator/python:3.11"
COPY = ["sh", "-c", "cp -r /opt/ml/processing/input/. /opt/ml/processing/output/"]
S5CMD = os.environ.get("PROCESSING_EMULATOR_BENCH_S5CMD", "s5cmd")
"""Found or fetched by scripts/bench_tools.sh."""


@dataclass(frozen=True)
class Shape:
    """So many objects of one size."""

    name: str
    objects: int
    size_bytes: int


LARGE = Shape("2 GiB in 4 objects", 4, 512 * MIB)
SMALL = Shape("20,000 objects of 50 KB", 20_000, 50_000)


@dataclass(frozen=True)
class Times:
    """Seconds of one round."""

    cold: float
    warm: float
    out: float
    s5cmd_in: float
    s5cmd_out: float


def measure() -> None:
    for shape in (LARGE, SMALL):
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), shape)


def _measure(folder: Path, shape: Shape) -> None:
    server = EmulatorProcess(folder / "data").start()
    try:
        peer = Peer(server, folder / "peer")
        server.client("s3").create_bucket(Bucket="bkt")
        with _sources(folder / "sources", shape) as sources:
            peer.copy(f"{sources}/", "s3://bkt/in/")
        with peak_memory(psutil.Process(server.pid)) as peak:
            rounds = [_round(server, peer, number) for number in range(ROUNDS)]
    finally:
        server.stop()
    _report(shape, rounds, peak[0])


def _round(server: EmulatorProcess, peer: "Peer", number: int) -> Times:
    _clear_cache(server)
    cold = _job(server, f"cold-{number}")
    s5cmd_in = seconds(lambda: peer.copy("s3://bkt/in/*", f"{peer.folder}/"))
    s5cmd_out = seconds(lambda: peer.copy(f"{peer.folder}/", "s3://bkt/peer/"))
    peer.clear("s3://bkt/peer/*", "s3://bkt/out/*")
    warm = _job(server, f"warm-{number}")
    peer.clear("s3://bkt/out/*")
    return Times(cold=cold[0], warm=warm[0], out=cold[1], s5cmd_in=s5cmd_in, s5cmd_out=s5cmd_out)


def _report(shape: Shape, rounds: list[Times], peak_mb: float) -> None:
    name = shape.name
    row(f"stage in {name}", [each.cold for each in rounds], "s")
    row(f"`s5cmd cp` of {name} from the store", [each.s5cmd_in for each in rounds], "s")
    row("ratio of the two, pair by pair", [each.cold / each.s5cmd_in for each in rounds], "x", "goal 0.6")
    row(f"stage out {name}", [each.out for each in rounds], "s")
    row(f"`s5cmd cp` of {name} to the store", [each.s5cmd_out for each in rounds], "s")
    row("ratio of the two, pair by pair", [each.out / each.s5cmd_out for each in rounds], "x", "goal 0.6")
    row(f"stage in {name} again, from the cache", [each.warm for each in rounds], "s")
    row("ratio to the first time", [each.warm / each.cold for each in rounds], "x", "goal 0.05")
    row(f"peak memory of the server, {name}", [peak_mb], "MB", "goal 200 MB")


class Peer:
    """s5cmd at the embedded store itself, with the keys for staging."""

    def __init__(self, server: EmulatorProcess, folder: Path) -> None:
        self.folder = folder
        self._endpoint = server.control("health")["services"]["s3"]["endpoint"]

    def copy(self, source: str, target: str) -> None:
        self._run("cp", source, target)

    def clear(self, *targets: str) -> None:
        """Delete its folder and these objects."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for target in targets:
            self._run("rm", target)

    def _run(self, *arguments: str) -> None:
        keys = {
            "AWS_ACCESS_KEY_ID": "emulator",
            "AWS_SECRET_ACCESS_KEY": "emulator-secret",
            "AWS_REGION": "us-east-1",
        }
        command = [S5CMD, "--log", "error", "--endpoint-url", self._endpoint, *arguments]
        subprocess.run(command, check=True, env={**os.environ, **keys}, stdout=subprocess.DEVNULL)


@contextmanager
def _sources(folder: Path, shape: Shape) -> Iterator[Path]:
    """Files of random bytes, in folders of a thousand."""
    for number in range(shape.objects):
        path = folder / f"part-{number // 1000:02}" / f"object-{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for size in _chunks(shape.size_bytes):
                file.write(os.urandom(size))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _chunks(size_bytes: int) -> Iterator[int]:
    while size_bytes > 0:
        yield min(MIB, size_bytes)
        size_bytes -= MIB


def _clear_cache(server: EmulatorProcess) -> None:
    request = urllib.request.Request(f"{server.url}/_emulator/cache", method="DELETE")
    urllib.request.urlopen(request, timeout=60).close()


def _job(server: EmulatorProcess, name: str) -> tuple[float, float]:
    """Seconds of staging in and out of a job that copies its input to its output."""
    request = a_request(name, image=IMAGE, entrypoint=COPY, inputs=[an_input()], outputs=[an_output()])
    request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] = 30
    server.client("sagemaker").create_processing_job(**request)
    answer = server.wait_for_end(name, 900)
    if answer["ProcessingJobStatus"] != "Completed":
        raise SystemExit(f"the job failed: {answer}")
    events = server.control(f"jobs/{name}")["events"]
    return (
        _at(events, "staged_in") - _at(events, "phase_changed", "StagingIn"),
        _at(events, "staged_out") - _at(events, "phase_changed", "StagingOut"),
    )


def _at(events: list[dict[str, Any]], action: str, phase: str | None = None) -> float:
    event = next(e for e in events if e["action"] == action and (phase is None or e["detail"]["to"] == phase))
    return datetime.fromisoformat(event["at"]).timestamp()
