"""The server of one test run: started by the first worker that needs it, stopped when the run ends."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processing_emulator.cli import background_server
from processing_emulator.cli.settings_flags import load_settings


@dataclass(frozen=True, slots=True)
class RunServer:
    """`folder` holds its data, its address, and a lock that workers take one after the other."""

    folder: Path

    def start_or_join(self, runner: str | None) -> str:
        """The address of the server, which is started if no other worker has done that. Raises BackgroundFault."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        address = self.folder / "url"
        with self._locked():
            settings = load_settings(self._flags)
            if address.exists() and background_server.running_pid(settings) is not None:
                return address.read_text(encoding="utf-8")
            chosen = ["--runner", runner] if runner else []
            arguments = ["--port", "0", "--data-dir", str(settings.data_dir), *chosen]
            url = background_server.start_in_background(settings, arguments)
            address.write_text(url, encoding="utf-8")
            return url

    def stop(self) -> None:
        """Stop the server and remove its data. Raises BackgroundFault."""
        with self._locked():
            background_server.stop(load_settings(self._flags))
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _flags(self) -> dict[str, str]:
        return {"data_dir": str(self.folder / "data")}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
