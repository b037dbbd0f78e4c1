"""Runs one script to its end: its output line by line, a time limit, and nothing of it left afterwards."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from processing_emulator.ports import CancelToken

TERM_GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL for a script that has to end."""

_LOOK_SECONDS = 0.05
_LAST_OUTPUT_SECONDS = 1.0
"""For a process that left the script's group and still holds its output."""

_LINE_BYTES = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a script ended. `exit_code` as a shell gives it: 128 and the signal's number when a signal ended it."""

    exit_code: int
    last_line: str
    timed_out: bool = False
    was_cancelled: bool = False

    @property
    def went_well(self) -> bool:
        """Whether it did what it was to do."""
        return self.exit_code == 0 and not self.timed_out and not self.was_cancelled


def run_process(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    limit_seconds: float,
    cancel: CancelToken,
    on_line: Callable[[str], None],
) -> Ended:
    """Run it in a new process group, and kill what is left of the group when it has ended.

    `on_line` gets each line of its output, from another thread. Raises OSError when it cannot be started.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the server, which then ends the whole group
    )
    assert process.stdout is not None  # noqa: S101  (it was asked for)
    reader = _Reader(process.stdout, on_line)
    timed_out = was_cancelled = False
    try:
        timed_out, was_cancelled = _wait(process, limit_seconds, cancel)
    finally:
        _end_group(process)
        reader.finish()
    return Ended(
        exit_code=process.returncode if process.returncode >= 0 else 128 - process.returncode,
        last_line=reader.last_line,
        timed_out=timed_out,
        was_cancelled=was_cancelled,
    )


def _wait(process: "subprocess.Popen[bytes]", limit_seconds: float, cancel: CancelToken) -> tuple[bool, bool]:
    """Whether the time was over, and whether it was cancelled; neither when it has ended by itself."""
    waited = 0.0
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
            return False, False
        waited += _LOOK_SECONDS
        if cancel.is_set():
            return False, True
        if waited >= limit_seconds:
            return True, False


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(TERM_GRACE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # the group is empty
        os.killpg(group, number)


class _Reader:
    """Passes output on while the script runs, and remembers its last line."""

    def __init__(self, stream: IO[bytes], on_line: Callable[[str], None]) -> None:
        self.last_line = ""
        self._stream = stream
        self._on_line = on_line
        self._thread = threading.Thread(target=self._read, name="hook-output", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        self._thread.join(_LAST_OUTPUT_SECONDS)
        if not self._thread.is_alive():
            self._stream.close()

    def _read(self) -> None:
        while line := self._stream.readline(_LINE_BYTES):
            text = line.decode(errors="replace").rstrip()
            if text:
                self.last_line = text
            self._on_line(text)
