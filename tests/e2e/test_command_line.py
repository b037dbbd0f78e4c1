"""The command line: `doctor`, invalid options, and a machine without a Docker engine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PROCESSING_EMULATOR_")} | variables
    command = [sys.executable, "-m", "processing_emulator", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_doctor_reports_ok(tmp_path: Path, docker_engine: None) -> None:
    done = _run("doctor", "--json", "--data-dir", str(tmp_path / "data"), "--port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    states = {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}
    assert {name: states[name] for name in ("python", "docker", "s3", "data directory", "port")} == {
        "python": "ok",
        "docker": "ok",
        "s3": "ok",
        "data directory": "ok",
        "port": "ok",
    }


def test_doctor_without_an_engine_prints_a_hint(tmp_path: Path) -> None:
    done = _run("doctor", "--docker-host", f"unix://{tmp_path}/none.sock", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert "missing  docker:" in done.stdout
    assert "correct PROCESSING_EMULATOR_DOCKER_HOST" in done.stdout
    assert "install" not in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "99999"], "setting port: "),
        (["--data-dir", "/proc/nowhere"], "data directory /proc/nowhere cannot be used"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
    ],
)
def test_invalid_option_prints_one_sentence_and_exits_with_code_2(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    done = _run("serve", "--port", "0", "--data-dir", str(tmp_path), "--s3-endpoint", "http://127.0.0.1:1", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_port_in_use_exits_with_code_2(server: EmulatorProcess, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    done = _run("serve", "--port", port, "--data-dir", str(tmp_path), "--s3-endpoint", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 is in use" in done.stderr


def test_server_without_an_engine_starts_with_a_warning_and_fails_jobs(tmp_path: Path) -> None:
    from tests.builders import a_request

    server = EmulatorProcess(tmp_path / "data", docker_host=f"unix://{tmp_path}/none.sock", engine_patience_seconds="1")
    try:
        server.start()
        assert server.control("health")["services"]["docker"]["status"] == "down"
        server.client("sagemaker").create_processing_job(**a_request("no-engine"))
        reason = server.wait_for_end("no-engine", 30)["FailureReason"]
        assert reason.startswith("InternalServerError: We encountered an internal error.  Please try again. (")
        assert f"{tmp_path}/none.sock" in reason
        assert "WARNING docker not available" in server.log()
        assert server.stop() == 0
        wait_for("job folders to be removed", lambda: not list((tmp_path / "data" / "jobs").iterdir()) or None)
    finally:
        server.kill()
