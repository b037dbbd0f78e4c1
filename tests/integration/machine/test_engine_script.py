"""scripts/engine.sh in separate namespaces where no engine runs; processes in them end with the test."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent

PRELUDE = """
set -u
mount -t tmpfs tmpfs /run
mount --bind "$1" /var/lib/docker
cd "$2"
engine() { timeout 200 scripts/engine.sh "$@"; }
count() { grep -lx "$1" /proc/[0-9]*/comm 2>/dev/null | wc -l; }
running() { echo "$(count dockerd) $(count containerd)"; }
id_files() { find /run -name 'docker*.pid' -o -name 'containerd.pid' | wc -l; }
"""


def missing_part() -> str | None:
    """Why this machine cannot start a second engine, or None."""
    if os.geteuid() != 0:
        return "needs root to create namespaces and start an engine in them"
    if shutil.which("dockerd") is None or shutil.which("unshare") is None:
        return "needs dockerd and unshare on this machine"
    if not Path("/etc/debian_version").exists() or Path("/run/systemd/system").exists():
        return "needs Debian without systemd; with systemd the script uses the system's docker service"
    return None


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    if reason := missing_part():
        pytest.skip(reason)
    for name in ("docker", "state", "home"):
        (tmp_path / name).mkdir()
    return tmp_path


def on_a_bare_machine(scratch: Path, script: str) -> list[str]:
    """Run a script in new namespaces with this project and no engine; returns the lines it prints."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch / "home"),
        "XDG_STATE_HOME": str(scratch / "state"),
    }
    namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run(
        [*namespaces, "bash", "-c", PRELUDE + script, "script", str(scratch / "docker"), str(ROOT)],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def test_up_starts_an_engine_and_down_stops_it(scratch: Path) -> None:
    lines = on_a_bare_machine(
        scratch,
        """
        engine status; echo "code $?"
        engine up
        engine up
        engine status
        running
        engine down
        running; id_files; ls "$XDG_STATE_HOME/processing-emulator"
        """,
    )
    assert lines[:2] == ["No Docker engine answers.", "code 1"]
    assert [line.startswith("Docker ") for line in lines[2:5]] == [True, True, True]
    assert lines[5].startswith("Started by scripts/engine.sh: process ")
    assert lines[6:9] == ["1 1", "Stopped the Docker engine that was started here.", "0 0"]
    assert lines[9:] == ["0", "dockerd.log", "engine.lock"]


def test_up_returns_although_the_engine_keeps_running(scratch: Path) -> None:
    """The engine must not inherit the script's stdout: a pipe reader would wait for it."""
    lines = on_a_bare_machine(scratch, "timeout 200 bash -c 'scripts/engine.sh up 2>&1 | cat'; echo $?; running")
    assert lines[1:] == ["0", "1 1"]


def test_engine_starts_after_a_kill_left_its_pid_files(scratch: Path) -> None:
    """The pid files name another process by then: process 1."""
    lines = on_a_bare_machine(
        scratch,
        """
        engine up >/dev/null
        kill -9 $(cat /run/docker.pid)
        until [ "$(running)" = "0 0" ]; do sleep 0.1; done
        id_files
        echo 1 >/run/docker.pid; echo 1 >/run/docker/containerd/containerd.pid
        engine up >/dev/null
        running
        engine down
        running; id_files
        """,
    )
    assert int(lines[0]) > 0
    assert lines[1:] == ["1 1", "Stopped the Docker engine that was started here.", "0 0", "0"]


def test_concurrent_calls_start_one_engine(scratch: Path) -> None:
    lines = on_a_bare_machine(scratch, "engine up & engine up & wait; running; engine down; running")
    assert lines[2:] == ["1 1", "Stopped the Docker engine that was started here.", "0 0"]


def test_up_waits_for_another_engine_and_down_does_not_stop_it(scratch: Path) -> None:
    lines = on_a_bare_machine(
        scratch,
        """
        dockerd >/dev/null 2>&1 &
        until [ -e /run/docker.pid ]; do sleep 0.02; done
        engine up
        engine status
        engine down
        running
        """,
    )
    assert [line.partition(" ")[0] for line in lines] == ["Docker", "Docker", "1"], lines


def test_failed_start_prints_where_the_log_is(scratch: Path) -> None:
    lines = on_a_bare_machine(
        scratch, "mkdir /run/docker; mount -t tmpfs -o ro tmpfs /run/docker; engine up; echo $?; running"
    )
    assert lines[-3].startswith("engine.sh: dockerd does not answer; its log is ")
    assert lines[-2:] == ["1", "0 0"]
