"""A child process that ends when this process ends."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from processing_emulator.adapters.seaweedfs import parent_death

logger = logging.getLogger(__name__)


class ChildProcess:
    """A running child process, with a thread that starts it and waits for it.

    The kernel's parent-death signal is sent when the thread that started the child ends, so that thread must live as
    long as the child.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log_path: Path) -> None:
        self._command = [*parent_death_launcher(), *command]
        self._environment = environment
        self._folder = folder
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._started = threading.Event()
        self._exited = threading.Event()
        self._is_expected_to_run = True
        threading.Thread(target=self._run, name="seaweedfs", daemon=True).start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    def is_alive(self) -> bool:
        """Whether it is running."""
        return not self._exited.is_set()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for its exit; False after the timeout."""
        return self._exited.wait(timeout_seconds)

    def end(self, grace_seconds: float) -> None:
        """Send SIGTERM, then SIGKILL after the grace period; return when it has exited."""
        self._is_expected_to_run = False
        self._running().send_signal(signal.SIGTERM)
        if not self.wait(grace_seconds):
            self._running().kill()
            self._exited.wait()

    def _run(self) -> None:
        try:
            with self._log_path.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    cwd=self._folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # so that Ctrl-C does not reach it; this process stops it in order
                )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        code = self._process.wait()
        self._exited.set()
        if self._is_expected_to_run:
            logger.error("embedded s3 store exited", extra={"exit_code": code})

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None  # noqa: S101  (made before __init__ returns)
        return self._process


def parent_death_launcher() -> list[str]:
    """The beginning of a command line, so that the kernel ends the child with the thread that starts it."""
    if sys.platform != "linux":
        return []
    return [sys.executable, "-I", "-S", str(parent_death.__file__), str(os.getpid())]
