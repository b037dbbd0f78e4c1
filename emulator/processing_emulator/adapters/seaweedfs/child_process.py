"""A child process that does not outlive us."""

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


class KeptProcess:
    """A running child, started and waited for by a thread of its own.

    The kernel ties a child to the thread that started it, not to the process: a thread that ends takes it along.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log_path: Path) -> None:
        self._command = [*_tied(), *command]
        self._environment = environment
        self._folder = folder
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._started = threading.Event()
        self._exited = threading.Event()
        self._is_wanted = True
        threading.Thread(target=self._keep, name="seaweedfs", daemon=True).start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    def is_alive(self) -> bool:
        """Whether it has not exited."""
        return not self._exited.is_set()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until it has exited; False when the time is over."""
        return self._exited.wait(timeout_seconds)

    def end(self, grace_seconds: float) -> None:
        """Ask it to end, then make it; returns when it is gone."""
        self._is_wanted = False
        self._running().send_signal(signal.SIGTERM)
        if not self.wait(grace_seconds):
            self._running().kill()
            self._exited.wait()

    def _keep(self) -> None:
        try:
            with self._log_path.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    cwd=self._folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is for us, who then end it in order
                )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        code = self._process.wait()
        self._exited.set()
        if self._is_wanted:
            logger.error("embedded s3 store exited", extra={"exit_code": code})

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None  # noqa: S101  (made before __init__ returns)
        return self._process


def _tied() -> list[str]:
    if sys.platform != "linux":
        return []
    return [sys.executable, "-I", "-S", str(parent_death.__file__), str(os.getpid())]
