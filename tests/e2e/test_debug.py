"""A failed job that is kept: looked into through the command line, across a kill of the server, and gone afterwards."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from processing_emulator.adapters.volumes.mounts import mounted_below
from tests.builders import a_request, an_input, an_output
from tests.e2e.conftest import emulator_id, leftovers, running_server
from tests.e2e.server import EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

CODE = """
import http.server, json, pathlib, socket
resources = json.load(open("/opt/ml/config/resourceconfig.json"))
if len(resources["hosts"]) > 1 and resources["current_host"] == "algo-1":
    http.server.HTTPServer(("", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
while len(resources["hosts"]) > 1:  # until the other host runs
    try:
        socket.create_connection(("algo-1", 8000)).close()
        break
    except OSError:
        pass
pathlib.Path("/tmp/x").write_text("outside of all mounts")
pathlib.Path("/opt/ml/processing/output/half").write_text("half")
pathlib.Path("/opt/ml/processing/input/in").write_text("changed")
raise SystemExit(3)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Iterator[EmulatorProcess]:
    """A server that looks for leftovers each second, and keeps two jobs at most."""
    folder = tmp_path_factory.mktemp("emulator")
    with running_server(folder, reaper_interval_seconds="1", keep_failed_jobs="2") as process:
        yield process


def _command(server: EmulatorProcess, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "processing_emulator", arguments[0], "--url", server.url, *arguments[1:]]


def _run(server: EmulatorProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(server, *arguments), capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


def _fail(server: EmulatorProcess, name: str, **changes: Any) -> None:
    """A job with the tag that fails with exit code 3."""
    server.client("s3").put_object(Bucket="bkt", Key="in/in", Body=b"text")
    inputs = [server.stage_code("fails", CODE), an_input()]
    command = ["python3", "/opt/ml/processing/code/main.py"]
    request = a_request(name, inputs=inputs, outputs=[an_output()], entrypoint=command, **changes)
    request["Tags"] = [{"Key": "processing-emulator:keep-failed", "Value": "on"}]
    server.client("sagemaker").create_processing_job(**request)
    assert server.wait_for_end(name)["FailureReason"] == "AlgorithmError: , exit code: 3"


def _images(server: EmulatorProcess) -> list[str]:
    """Images of sessions."""
    with closing(docker.from_env()) as engine:
        images = engine.api.images("processing-emulator/debug")
    tags = [tag for image in images for tag in image["RepoTags"] or ()]
    return [tag for tag in tags if emulator_id(server) in tag]


def test_a_failed_job_is_looked_into_and_then_removed(server: EmulatorProcess) -> None:
    _fail(server, "looked", Environment={"WORD": "the word"})
    document = server.control("jobs/looked")
    assert document["debug"].endswith("processing-emulator debug looked")
    assert document["events"][-1]["action"] == "kept"
    look = (
        "import os; print(open('/tmp/x').read(), open('/opt/ml/processing/input/in').read(),"
        " os.listdir('/opt/ml/processing/output'), os.environ['WORD'],"
        " os.environ['AWS_ACCESS_KEY_ID'], os.getcwd(), os.getuid(), os.uname().nodename)"
    )
    done = _run(server, "debug", "looked", "--", "python3", "-c", look)
    assert done.stdout == "outside of all mounts changed ['half'] the word 000000000000 / 0 algo-1\n", done.stderr
    assert "entry point (not run): python3 /opt/ml/processing/code/main.py\n" in done.stderr
    assert _run(server, "debug", "looked", "--", "sh", "-c", "exit 7").returncode == 7
    assert _images(server) == []

    server.kill()  # what is kept is not lost, nor is a session that nobody closes any more
    server.start()
    session = subprocess.Popen(_command(server, "debug", "looked", "--", "sleep", "600"), stderr=subprocess.DEVNULL)
    wait_for("the session", lambda: "-debug-" in str(leftovers(server)) or None, 30)
    session.kill()
    session.wait()
    assert len(_images(server)) == 1

    listed = json.loads(_run(server, "kept", "--json").stdout)
    assert [job["name"] for job in listed] == ["looked"]
    assert _run(server, "kept", "clear", "looked").stdout == "nothing is kept\n"
    assert (leftovers(server), _images(server), mounted_below(server.data_dir / "jobs")) == ([], [], ())
    refused = _run(server, "debug", "looked")
    assert refused.returncode == 1
    assert "Error: The job looked was kept until" in refused.stderr


def test_a_terminal_gets_a_shell_and_its_end_removes_the_session(server: EmulatorProcess, tmp_path: Path) -> None:
    _fail(server, "typed")
    master, slave = pty.openpty()
    command = _command(server, "debug", "typed")
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    os.write(master, b"cat /tmp/x; tty; exit 5\n")
    said = b""
    try:
        while chunk := os.read(master, 4096):
            said += chunk
    except OSError:  # how the end of a terminal reads
        pass
    assert process.wait(30) == 5
    assert b"outside of all mounts" in said
    assert b"/dev/pts/" in said
    os.close(master)
    assert _images(server) == []

    interrupted = subprocess.Popen(_command(server, "debug", "typed", "--", "sleep", "600"), stderr=subprocess.DEVNULL)
    wait_for("the session", lambda: "-debug-" in str(leftovers(server)) or None, 30)
    interrupted.terminate()
    assert interrupted.wait(30) == 128 + 15
    assert _images(server) == []
    server.client("sagemaker").delete_processing_job(ProcessingJobName="typed")
    wait_for("no leftovers", lambda: not leftovers(server) or None, 15)


def test_hosts_of_a_kept_cluster_reach_each_other_and_only_so_many_jobs_are_kept(server: EmulatorProcess) -> None:
    _fail(server, "first")
    typing = subprocess.Popen(
        _command(server, "debug", "first", "--", "sleep", "600"), stderr=subprocess.PIPE, text=True
    )
    wait_for("the session", lambda: "-debug-" in str(leftovers(server)) or None, 30)
    _fail(server, "second")
    _fail(server, "pair", hosts=2)
    wait_for("the second to go", lambda: "second" not in str(leftovers(server)) or None, 15)
    serve = "import http.server as h; h.HTTPServer(('', 8000), h.SimpleHTTPRequestHandler).handle_request()"
    peer = subprocess.Popen(
        _command(server, "debug", "pair", "--host", "algo-2", "--", "python3", "-c", serve), stderr=subprocess.PIPE
    )
    ask = (
        "import time, urllib.request as u\n"
        "for _ in range(100):\n"
        "    try: print(u.urlopen('http://algo-2:8000', timeout=5).status); break\n"
        "    except OSError: time.sleep(0.2)"
    )
    assert _run(server, "debug", "pair", "--", "python3", "-c", ask).stdout == "200\n"
    _, said = peer.communicate(timeout=30)
    assert peer.returncode == 0, said
    assert _run(server, "kept", "clear").stdout == "nothing is kept\n"
    _, said_last = typing.communicate(timeout=30)
    assert typing.returncode == 137
    assert said_last.endswith("\nNothing of the job first is kept any more: asked for.\n")
    assert (leftovers(server), _images(server)) == ([], [])
