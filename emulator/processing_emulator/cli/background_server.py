"""Starts a server in the background, finds the one that runs on a data directory, and stops it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import psutil

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.config import Settings

POLL_SECONDS = 0.05
START_SECONDS = 120.0
STOP_SECONDS = 60.0
LAST_LINES = 15
"""Lines of the server's log that are shown when it does not start."""


class BackgroundFault(click.ClickException):
    """The server did not start or stop: exit code 1."""


def running_pid(settings: Settings) -> int | None:
    """The process that holds the data directory, None if no server runs there."""
    return DataDir(settings.data_dir).owner()


def start_in_background(settings: Settings, arguments: Sequence[str]) -> str:
    """Start `serve` with these arguments in a session of its own; its URL once it is ready. Raises BackgroundFault."""
    logs = DataDir(settings.data_dir).logs
    try:
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        output, log = (logs / "server.out").open("wb"), (logs / "server.log").open("ab")
    except OSError as error:
        raise BackgroundFault(
            f"data directory {settings.data_dir} cannot be used: {error.strerror}; choose another with --data-dir"
        ) from error
    with output, log:
        begins_at = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "processing_emulator", "serve", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            start_new_session=True,
        )
    return _await_ready(process, Path(output.name), Path(log.name), begins_at)


def _await_ready(process: "subprocess.Popen[bytes]", output: Path, log: Path, begins_at: int) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll()
        for line in output.read_text().splitlines():
            if line.startswith("Ready. "):
                return line.removeprefix("Ready. ")
        if ended is not None:
            raise BackgroundFault(f"the server did not start:\n{_reason(_tail(log, begins_at))}")
        time.sleep(POLL_SECONDS)
    process.terminate()
    raise BackgroundFault(f"the server was not ready within {START_SECONDS:.0f} s:\n{_tail(log, begins_at)}")


def _reason(lines: str) -> str:
    """The sentence with which the server ended; without one, all that it said."""
    return lines.rpartition("\nError: ")[2]


def _tail(log: Path, begins_at: int) -> str:
    with log.open("rb") as file:
        file.seek(begins_at)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-LAST_LINES:])


def stop(settings: Settings) -> bool:
    """Stop the server of the data directory as Ctrl-C does; False if none runs. Raises BackgroundFault."""
    pid = running_pid(settings)
    if pid is None:
        return False
    if not _is_server(pid):
        raise BackgroundFault(
            f"the data directory {settings.data_dir} is held by a server that is not a process of this machine "
            "(in a container?); stop it where it runs"
        )
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while running_pid(settings) == pid:
        if time.monotonic() > deadline:
            raise BackgroundFault(f"the server (process {pid}) did not stop within {STOP_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    return True


def _is_server(pid: int) -> bool:
    """Whether the process is a server: the number in the lock file is of another machine or container otherwise."""
    try:
        command = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    names = ("processing_emulator", "processing-emulator")
    return not {"serve", "start"}.isdisjoint(command) and any(name in word for word in command for name in names)
