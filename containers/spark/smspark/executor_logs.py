"""Prints what this host's executors print, so that it appears in the log stream of this host."""

import threading
from collections.abc import Callable
from pathlib import Path

from smspark.standalone import WORK

PERIOD_SECONDS = 1.0


class ExecutorLogs:
    """Follows the files `stdout` and `stderr` of all executors; each line is printed as `[path] line`."""

    def __init__(self, folder: Path = WORK, *, show: Callable[[str], object] = print) -> None:
        self._folder = folder
        self._show = show
        self._read: dict[Path, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="executor logs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Print what is left, and stop."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(PERIOD_SECONDS)
            for name in ("stdout", "stderr"):
                for file in sorted(self._folder.glob(f"*/*/{name}")):
                    self._print_new_lines(file, whole=ended)

    def _print_new_lines(self, file: Path, *, whole: bool) -> None:
        """Print the lines that are complete, and with `whole` also the last one."""
        with file.open("rb") as content:
            content.seek(self._read.get(file, 0))
            new = content.read()
        if not whole:
            new = new[: new.rfind(b"\n") + 1]
        self._read[file] = self._read.get(file, 0) + len(new)
        for line in new.decode(errors="replace").splitlines():
            self._show(f"[{file}] {line}")
