"""The command line: `doctor`, invalid options, and a machine without a Docker engine."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from processing_emulator.domain.spec import PROCESSING_ROOT
from tests.e2e.server import EmulatorProcess
from tests.fixtures_docker import TEST_IMAGE
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
        (["--instance-prices", "/nowhere.csv"], "the price table /nowhere.csv cannot be read: "),
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


def test_life_of_a_server_in_the_background(tmp_path: Path, docker_engine: None) -> None:
    """start, status, run, ps, logs, watch, describe, cancel, reset and stop, as a user types them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = {"PROCESSING_EMULATOR_DATA_DIR": str(tmp_path / "data"), "PROCESSING_EMULATOR_PORT": str(port)}

    def run(*arguments: str, code: int = 0) -> str:
        done = _run(*arguments, **where)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    away = f"Error: no emulator answers at http://127.0.0.1:{port}; start one: processing-emulator start -d"
    assert run("ps", code=1).strip() == run("status", code=1).strip() == away
    try:
        assert run("start", "-d") == f"Ready. http://127.0.0.1:{port}\n"
        assert run("start", "-d").startswith("a server runs already (process ")
        assert json.loads(run("status", "--json"))["status"] == "ok"
        assert run("ps") == "no jobs\n"
        _check_jobs(run, tmp_path)
        assert run("reset", "--yes") == "done\n"
        assert run("ps") == "no jobs\n"
    finally:
        run("stop")
    assert run("stop").startswith("no server runs on ")


def _check_jobs(run: Callable[..., str], folder: Path) -> None:
    (folder / "in" / "sub").mkdir(parents=True)
    (folder / "in" / "sub" / "file").write_text("content")
    copies = f"cp -r {PROCESSING_ROOT}/input/. {PROCESSING_ROOT}/output/ && echo $WORD"
    data = ("--in", str(folder / "in"), "--out", str(folder / "out"), "-e", "WORD=copied")
    said = run("run", "--name", "copies", *data, "--", TEST_IMAGE, "sh", "-c", copies)
    assert "\ncopied\n" in said
    assert "copies: Completed after" in said
    assert (folder / "out" / "sub" / "file").read_text() == "content"

    elsewhere = run("ps", "--region", "eu-west-1")
    assert elsewhere.endswith("elsewhere:\n  processing-emulator ps --account 000000000000 --region us-east-1\n")

    assert run("run", "-d", "--name", "fails", "--", TEST_IMAGE, "sh", "-c", "echo one; echo two; exit 3") == "fails\n"
    assert "fails: Failed after" in run("watch", "fails", code=1)
    assert run("logs", "fails") == "one\ntwo\n"
    assert "container_exited" in run("describe", "fails")
    assert run("logs", "--since", "2199-01-01", "fails") == ""
    assert run("logs", "-f", "--tail", "1", "fails") == "two\n"
    assert json.loads(run("logs", "--json", "--since", "1h", "fails").splitlines()[0])["message"] == "one"
    assert "AlgorithmError: , exit code: 3" in run("describe", "fails")
    assert "right size: " in run("describe", "copies")
    assert [row.split()[:2] for row in run("ps").splitlines()[1:]] == [["fails", "Failed"], ["copies", "Completed"]]

    run("run", "-d", "--name", "long", "--", TEST_IMAGE, "sleep", "300")
    assert json.loads(run("cancel", "--json", "long"))["status"] in ("Stopping", "Stopped")
    assert run("logs", "missing", code=1).startswith("Error: There is no processing job missing in account")
    assert "regular expression pattern" in run("run", "--name", "bad name", "--", TEST_IMAGE, code=1)
    assert run("open", "--print", "fails").endswith(
        "/_emulator/dashboard/jobs/fails?account=000000000000&region=us-east-1\n"
    )
