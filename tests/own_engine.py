"""A second Docker engine that belongs to one test, which may kill it and start it again.

It runs in its own mount, network and process namespaces with its own data folder. When they end, so do its containers.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.errors import RuntimeUnavailable
from tests.fixtures_docker import TEST_IMAGE, missing
from tests.waiting import wait_for

_NAMESPACES = ("--mount", "--net", "--pid")
_PREPARE = "mount -t tmpfs tmpfs /run && ip link set lo up && echo ready && exec sleep infinity"


class OwnEngine:
    """An engine whose files are in `folder`, which must have a short name: its socket is in it."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "docker.sock"
        self.log = folder / "dockerd.log"
        self._folder = folder
        self._holder: subprocess.Popen[str] | None = None
        self._entered: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.socket}"

    def open(self) -> None:
        """Create the namespaces."""
        command = ["unshare", *_NAMESPACES, "--fork", "--kill-child", "--mount-proc", "sh", "-c", _PREPARE]
        self._holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End everything that runs in the namespaces."""
        if self._holder is not None:
            for process in psutil.Process(self._holder.pid).children():
                process.kill()  # the first process of the namespace: the kernel kills all others with it
            self._holder.wait()
            assert self._holder.stdout is not None
            self._holder.stdout.close()
        if self._entered is not None:
            self._entered.wait()

    def start(self) -> None:
        """Start dockerd, and wait until it answers."""
        assert self._holder is not None
        (first,) = psutil.Process(self._holder.pid).children()
        command = ["nsenter", f"--target={first.pid}", *_NAMESPACES, "dockerd", f"--host={self.address}"]
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "dockerd.pid"}
        command += [f"--{option}={self._folder / name}" for option, name in places.items()]
        with self.log.open("ab") as log:
            self._entered = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the second engine to answer", lambda: self._answers() or None, 60)

    def stop(self) -> None:
        """Let dockerd end its containers and exit."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill dockerd as the out-of-memory killer does; its containerd dies with it, containers and shims do not."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        assert self._entered is not None
        for process in psutil.Process(self._entered.pid).children():
            process.send_signal(how)
        self._entered.wait()
        self._entered = None
        for file in ("dockerd.pid", "exec/containerd/containerd.pid"):  # their numbers may be in use again at the start
            (self._folder / file).unlink(missing_ok=True)

    def reboot(self) -> None:
        """Start all of it again, as after a power cut: no process is left, and what was below /run is gone."""
        self.kill()
        self.close()
        shutil.rmtree(self._folder / "exec", ignore_errors=True)
        self.open()
        self.start()

    def docker(self, *arguments: str) -> str:
        """Run the docker command on it; returns what it prints."""
        command = ["docker", f"--host={self.address}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def load(self, image: str = TEST_IMAGE) -> None:
        """Copy an image from the machine's engine."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", f"--host={self.address}", "load", "-q"], stdin=saved.stdout, check=True)

    def _answers(self) -> bool:
        assert self._entered is not None
        assert self._entered.poll() is None, self.log.read_text()[-2000:]
        runtime = DockerRuntime(Engine(self.address), ContainerDefaults(emulator_id="probe"))
        try:
            runtime.info()
        except RuntimeUnavailable:
            return False
        finally:
            runtime.close()
        return True


@contextmanager
def own_engine(folder: Path) -> Iterator[OwnEngine]:
    """A running engine with the test image; everything of it is gone after the block."""
    if os.geteuid() != 0:
        missing("a second Docker engine needs root")
    for program in ("dockerd", "unshare", "nsenter", "ip"):
        if shutil.which(program) is None:
            missing(f"a second Docker engine needs {program}")
    folder.mkdir(parents=True, exist_ok=True)
    engine = OwnEngine(folder)
    try:
        engine.open()
        engine.start()
        engine.load()
        yield engine
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)
