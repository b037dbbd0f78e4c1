"""The time until the last of a million lines can be read, compared with `docker logs -f` to a file."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.table import row, seconds
from tests.builders import a_request
from tests.e2e.server import EmulatorProcess

IMAGE = "processing-emulator/python:3.11"
LINES = 1_000_000
ROUNDS = 3
PROGRAM = ["seq", "-f", "line %.0f of what a job prints when it prints much", str(LINES)]
GROUP = "/aws/sagemaker/ProcessingJobs"
_LOOK_SECONDS = 0.2
"""Polling takes time from the engine and the server, so it is done rarely."""


def measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder))


def _measure(folder: Path) -> None:
    server = EmulatorProcess(folder / "data").start()
    try:
        pairs = [
            (seconds(lambda i=i: _until_readable(server, f"print-{i}")), seconds(lambda: _docker_logs(folder / "log")))
            for i in range(ROUNDS)
        ]
        pages = [seconds(lambda i=i: _read_all(server, f"print-{i}")) for i in range(ROUNDS)]
    finally:
        server.stop()
    row("1,000,000 lines, Create until GetLogEvents shows the last", [ours for ours, _ in pairs], "s")
    row("`docker run -d` and `docker logs -f` to a file", [theirs for _, theirs in pairs], "s")
    row("ratio of the two, pair by pair", [ours / theirs for ours, theirs in pairs], "x", "goal 1.5")
    row("all of them read by GetLogEvents, in pages of 10,000", pages, "s")


def _docker_logs(path: Path) -> None:
    container = subprocess.check_output(["docker", "run", "-d", IMAGE, *PROGRAM], text=True).strip()
    try:
        with path.open("wb") as file:
            subprocess.run(["docker", "logs", "-f", container], stdout=file, check=True)
    finally:
        subprocess.run(["docker", "rm", "-f", container], stdout=subprocess.DEVNULL, check=True)
    with path.open("rb") as file:
        printed = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    if printed != LINES:
        raise SystemExit(f"docker logs gave {printed} lines")


def _until_readable(server: EmulatorProcess, name: str) -> None:
    """Create the job, and look at the last event until it is the last line."""
    logs = server.client("logs")
    server.client("sagemaker").create_processing_job(**a_request(name, image=IMAGE, entrypoint=PROGRAM))
    last = PROGRAM[2].replace("%.0f", str(LINES))
    while True:
        stream = _find_stream(logs, name)
        if stream:
            events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, limit=1)["events"]
            if events and events[-1]["message"] == last:
                return
        time.sleep(_LOOK_SECONDS)


def _find_stream(logs: Any, name: str) -> str:
    try:
        found = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return ""  # no job has printed anything yet
    return str(found[0]["logStreamName"]) if found else ""


def _read_all(server: EmulatorProcess, name: str) -> None:
    logs = server.client("logs")
    query = {"logGroupName": GROUP, "logStreamName": _find_stream(logs, name), "startFromHead": True}
    read, token = 0, None
    while True:
        page = logs.get_log_events(**query, **({"nextToken": token} if token else {}))
        read += len(page["events"])
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    if read != LINES:
        raise SystemExit(f"GetLogEvents gave {read} events")
