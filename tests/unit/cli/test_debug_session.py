"""What `debug` refuses before it asks the server, how a session ends, and which kept jobs `kept` is about."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from processing_emulator.cli.debug_session import DebugSession, look_into
from processing_emulator.cli.emulator_client import EmulatorClient, ServerFault
from processing_emulator.cli.main import main

OPENED = {
    "container": "c1",
    "host": "algo-1",
    "entryPoint": ["main"],
    "user": "",
    "workingFolder": "",
    "keptUntil": "2026-01-31T12:00:00.000Z",
    "engine": None,
}


def a_client(url: str) -> EmulatorClient:
    return EmulatorClient(url=url, account="000000000000", region="us-east-1", access_key="a", secret_key="s")


class Emulator:
    """A server that gives the same answer to all requests of a method; to a DELETE without one, none until the end."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.url = ""
        self.asked: list[str] = []
        self.is_over = threading.Event()

    def reply(self, request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("content-length", 0)))
        self.asked.append(f"{request.command} {request.path}")
        if request.command not in self.answers:
            self.is_over.wait(30)
            return
        body = json.dumps(self.answers[request.command]).encode()
        request.send_response(200)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@contextmanager
def emulator(**answers: Any) -> Iterator[Emulator]:
    served = Emulator(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.reply(self)

        def do_POST(self) -> None:
            served.reply(self)

        def do_DELETE(self) -> None:
            served.reply(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        served.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def a_session(served: Emulator, folder: Path) -> DebugSession:
    """One whose command docker exits as if its container was killed, and notes what it was asked for."""
    docker = folder / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\nexit 137\n')
    docker.chmod(0o755)
    return DebugSession(
        client=a_client(served.url),
        job="job",
        host="algo-1",
        name="s1",
        docker=str(docker),
        docker_host=None,
        end_seconds=0.5,
    )


@pytest.mark.parametrize("url", ["http://203.0.113.1:9320", "http://[2001:db8::1]:9320", "http://nobody.invalid:9320"])
def test_a_server_on_another_machine_is_refused(url: str) -> None:
    with pytest.raises(ServerFault, match="is on another machine") as refused:
        look_into(a_client(url), "job", "algo-1", ())
    assert url in refused.value.message


def test_without_the_command_docker_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerFault, match="the command docker is not there"):
        look_into(a_client("http://127.0.0.1:1"), "job", "algo-1", ())


def test_a_session_that_the_server_has_ended_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with emulator(POST=OPENED, DELETE={"status": "ok", "ended": "Nothing is kept any more."}) as served:
        assert a_session(served, tmp_path).run(()) == 137
    assert capsys.readouterr().err.endswith("\nNothing is kept any more.\n")


def test_a_server_that_does_not_answer_holds_up_no_end_of_a_session(tmp_path: Path) -> None:
    with emulator(POST=OPENED) as served:
        assert a_session(served, tmp_path).run(()) == 137
        assert not served.is_over.is_set()
    assert (tmp_path / "asked").read_text().splitlines()[-1] == "rm --force --volumes c1"


def test_kept_is_about_the_job_of_that_account_and_region() -> None:
    here = {"name": "job", "account": "111111111111", "region": "eu-west-1", "keptUntil": OPENED["keptUntil"]}
    jobs = [{**here, "command": "mine"}, {**here, "account": "222222222222", "command": "another's"}]
    with emulator(GET={"jobs": jobs}, DELETE={"jobs": []}) as served:
        where = ["--url", served.url, "--account", "111111111111", "--region", "eu-west-1"]
        shown = CliRunner().invoke(main, ["kept", "show", "job", "--json", *where])
        assert [job["command"] for job in json.loads(shown.output)] == ["mine"]
        assert CliRunner().invoke(main, ["kept", "clear", "a/b?c", *where]).exit_code == 0
    assert served.asked[-1] == "DELETE /_emulator/jobs/a%2Fb%3Fc/kept?account=111111111111&region=eu-west-1"
