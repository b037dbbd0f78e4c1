"""What hosts tell each other, and what is printed and copied while Spark runs (clients.md 4.1)."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from smspark.event_logs import EventLogCopier
from smspark.executor_logs import ExecutorLogs
from smspark.job_files import read_cluster
from smspark.reverse_proxy import ReverseProxy
from smspark.status import Status, StatusServer, ask_status
from smspark.waiting import wait_for


@pytest.fixture
def status() -> Iterator[StatusServer]:
    server = StatusServer("127.0.0.1", 0)
    yield server
    server.close()


def test_status_is_answered_on_any_path(status: StatusServer) -> None:
    status.set(Status.BOOTSTRAPPING)
    with urllib.request.urlopen(f"http://127.0.0.1:{status.port}/any/path") as answer:
        document = json.load(answer)
    assert document.keys() == {"status", "timestamp"}
    assert document["status"] == "BOOTSTRAPPING"
    status.set(Status.WAITING)
    assert ask_status("127.0.0.1", status.port) is Status.WAITING


def test_host_that_is_gone_has_no_status() -> None:
    server = StatusServer("127.0.0.1", 0)
    assert ask_status("127.0.0.1", server.port) is Status.INITIALIZING
    server.close()
    assert ask_status("127.0.0.1", server.port) is None


def test_name_that_does_not_resolve_has_no_status() -> None:
    assert ask_status("no-such-host.invalid") is None


def test_primary_is_the_first_by_name(tmp_path: Path) -> None:
    file = tmp_path / "resourceconfig.json"
    file.write_text('{"current_host":"algo-2","hosts":["algo-2","algo-1"]}')
    cluster = read_cluster([tmp_path / "missing.json", file])
    assert (cluster.primary, cluster.is_primary) == ("algo-1", False)


def test_without_resourceconfig_there_is_one_host(tmp_path: Path) -> None:
    assert read_cluster([tmp_path / "missing.json"]).is_primary


def test_timeout_names_what_was_waited_for() -> None:
    with pytest.raises(TimeoutError, match=r"^Timed out waiting for function cluster_is_up$"):
        wait_for("cluster_is_up", lambda: False, seconds=0)


def test_event_logs_are_copied_under_their_final_names(tmp_path: Path) -> None:
    source, target = tmp_path / "spark-events", tmp_path / "output"
    copier = EventLogCopier(target, source=source, period_seconds=0.01)
    (source / "app-1.inprogress").write_text("begin")
    wait_for("copy", lambda: (target / "app-1").exists() and (target / "app-1").read_text() == "begin", seconds=10)
    (source / "app-1.inprogress").write_text("begin, end")
    (source / ".app-1.crc").write_text("x")
    (source / "eventlog_v2_app-2").mkdir()
    (source / "eventlog_v2_app-2" / "events_1").write_text("rolled")
    copier.close()
    assert {file.relative_to(target).as_posix(): file.read_text() for file in target.rglob("*") if file.is_file()} == {
        "app-1": "begin, end",
        "eventlog_v2_app-2/events_1": "rolled",
    }


def test_each_line_of_an_executor_is_printed_once_with_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "app-1" / "0"
    folder.mkdir(parents=True)
    printed: list[str] = []
    logs = ExecutorLogs(tmp_path, show=printed.append)
    (folder / "stdout").write_text("one\ntwo")
    wait_for("a line", lambda: bool(printed), seconds=10, period=0.05)
    with (folder / "stdout").open("a") as more:
        more.write("\nthree")
    logs.close()
    assert printed == [f"[{folder}/stdout] {line}" for line in ("one", "two", "three")]


def test_proxy_passes_requests_on_and_tells_when_nobody_answers(status: StatusServer) -> None:
    with ReverseProxy(0, status.port, prefix="/proxy/15050") as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{proxy.server_address[1]}/proxy/15050/"
        with urllib.request.urlopen(url) as answer:
            assert json.load(answer)["status"] == "INITIALIZING"
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        status.close()
        with pytest.raises(urllib.error.HTTPError, match="502") as refused:
            urllib.request.urlopen(url)
        refused.value.close()
        proxy.shutdown()


def test_proxy_knows_paths_with_and_without_the_prefix() -> None:
    with ReverseProxy(0, 1, prefix="/proxy/15050") as proxy:
        assert proxy.upstream_path("/proxy/15050/history/app-1/jobs/") == "/history/app-1/jobs/"
        assert proxy.upstream_path("/proxy/15050") == "/"
        assert proxy.upstream_path("/static/a.js?x=1") == "/static/a.js?x=1"


def test_proxy_keeps_redirects_below_the_prefix() -> None:
    location = "http://localhost:18080/history/app-1/jobs/?x=1"
    with ReverseProxy(0, 1, prefix="/proxy/15050") as proxy:
        assert proxy.public_location(location) == "/proxy/15050/history/app-1/jobs/?x=1"
        assert proxy.public_location("/proxy/15050/history/app-1/jobs/") == "/proxy/15050/history/app-1/jobs/"
    with ReverseProxy(0, 1, prefix="/proxy/15050", public="https://notebook.example/") as proxy:
        assert proxy.public_location("/x") == "https://notebook.example/proxy/15050/x"
