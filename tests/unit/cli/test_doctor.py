"""The report, and what is said of Docker, S3 and the port; a whole run is tried end to end."""

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.sql_store.store import open_store
from processing_emulator.cli.docker_hint import docker_hint, hint_for
from processing_emulator.cli.doctor import Finding, examine, report
from processing_emulator.config import Settings, effective_settings
from tests.fixtures_disk import SmallDisk
from tests.stub_store import in_turn, s3_error, stub_store

FINDINGS = [
    Finding(name="docker", state="missing", found="nothing answers", hint="systemctl start docker"),
    Finding(name="python", state="ok", found="3.11"),
]
DEFAULT = "unix:///var/run/docker.sock"


def test_the_report_names_what_is_missing_with_a_hint() -> None:
    lines = report(FINDINGS, effective_settings(Settings()), as_json=False).splitlines()
    assert lines[0] == "missing  docker: nothing answers"
    assert lines[1].strip() == "hint: systemctl start docker"
    assert lines[-1] == "all settings are the defaults"


def test_the_report_shows_the_settings_that_are_not_the_defaults() -> None:
    settings = Settings.model_validate({"port": 9321})
    shown = report(FINDINGS, effective_settings(settings, ["port"]), as_json=False)
    assert shown.endswith("(--json has all)\n         PROCESSING_EMULATOR_PORT = 9321 (flag)")


def test_secrets_are_not_in_the_report_in_either_form() -> None:
    settings = Settings.model_validate({"s3_secret_key": "hush", "access_keys": {"someone": "hush"}})
    assert "hush" not in report(FINDINGS, effective_settings(settings), as_json=False)
    assert "hush" not in report(FINDINGS, effective_settings(settings), as_json=True)
    document = json.loads(report(FINDINGS, effective_settings(settings), as_json=True))
    assert document["settings"]["s3_secret_key"]["value"] == "********"
    assert document["checks"][0] == {
        "name": "docker",
        "state": "missing",
        "found": "nothing answers",
        "hint": "systemctl start docker",
    }


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing in it, and no DOCKER_HOST."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return tmp_path


def _install(path: Path, name: str) -> None:
    (path / name).write_text("#!/bin/sh")
    (path / name).chmod(0o755)


def test_docker_that_is_not_installed_is_to_be_installed(path: Path) -> None:
    assert hint_for(FileNotFoundError(), DEFAULT, None).startswith("install Docker: ")


@pytest.mark.parametrize("error", [FileNotFoundError(), ConnectionRefusedError()])
def test_docker_that_is_installed_but_down_is_to_be_started(path: Path, error: OSError) -> None:
    _install(path, "docker")
    hint = hint_for(error, DEFAULT, None)
    assert hint.startswith("Docker is installed but not running; start it: ")
    assert "install Docker" not in hint


def test_a_user_without_permission_is_to_join_the_group(path: Path) -> None:
    assert "sudo usermod -aG docker $USER" in hint_for(PermissionError(), DEFAULT, None)


def test_an_address_that_was_chosen_is_named_with_its_variable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"unix://{path}/none.sock"
    assert "correct PROCESSING_EMULATOR_DOCKER_HOST" in docker_hint(address, address)
    assert "correct PROCESSING_EMULATOR_DOCKER_HOST" in docker_hint("tcp://127.0.0.1:1", "tcp://127.0.0.1:1")
    monkeypatch.setenv("DOCKER_HOST", address)
    assert "correct DOCKER_HOST" in docker_hint(address, None)


def test_an_engine_that_accepts_but_does_not_answer_is_to_be_restarted(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path / "engine.sock"))
        listener.listen()
        assert "does not answer; see its log" in docker_hint(f"unix://{path}/engine.sock", None)


@pytest.fixture
def free_port() -> Iterator[int]:
    """Bound, so that nothing else takes it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _finding(name: str, **settings: object) -> Finding:
    values = {"docker_host": "unix:///nowhere.sock", **settings}
    return next(finding for finding in examine(Settings.model_validate(values)) if finding.name == name)


def test_a_store_that_does_not_answer_names_the_endpoints_variable(free_port: int) -> None:
    finding = _finding("s3", s3_endpoint=f"http://127.0.0.1:{free_port}")
    assert finding.state == "missing"
    assert finding.hint == "start the store, or correct PROCESSING_EMULATOR_S3_ENDPOINT"


def test_keys_that_the_store_refuses_are_named_by_their_variables() -> None:
    with stub_store(in_turn(s3_error(403, "InvalidAccessKeyId"))) as store:
        finding = _finding("s3", s3_endpoint=store.endpoint)
    assert finding.state == "missing"
    assert "InvalidAccessKeyId" in finding.found
    assert finding.hint == "correct PROCESSING_EMULATOR_S3_ACCESS_KEY and PROCESSING_EMULATOR_S3_SECRET_KEY"


def test_a_port_in_use_names_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        finding = _finding("port", port=port)
    assert (finding.state, finding.found) == ("missing", f"another program uses port {port}")
    assert finding.hint.startswith("set PROCESSING_EMULATOR_PORT to a free port")


def test_a_full_disk_of_the_data_directory_is_missing_space(small_disk: SmallDisk) -> None:
    small_disk.fill()
    finding = _finding("data directory", data_dir=small_disk.root / "data")
    assert finding.state == "missing"
    assert finding.found == f"the disk of {small_disk.root} is full: 0.0 MiB are free"
    assert "PROCESSING_EMULATOR_DATA_DIR" in finding.hint


@pytest.mark.parametrize("docker_host", ["bogus", "bogus:1", "tcp://"])
def test_an_address_that_is_none_is_to_be_corrected(docker_host: str) -> None:
    finding = _finding("docker", docker_host=docker_host)
    assert finding.state == "missing"
    assert finding.hint.startswith("correct PROCESSING_EMULATOR_DOCKER_HOST: an address looks like unix://")


def test_database_of_this_version_is_ok_and_not_changed(tmp_path: Path) -> None:
    open_store(tmp_path / "emulator.db").close()
    before = (tmp_path / "emulator.db").read_bytes()
    finding = _finding("database", data_dir=tmp_path)
    assert (finding.state, finding.found) == ("ok", str(tmp_path / "emulator.db"))
    assert [path.name for path in tmp_path.iterdir()] == ["emulator.db"]
    assert (tmp_path / "emulator.db").read_bytes() == before


def test_database_that_was_not_closed_is_read_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    with closing(open_store(tmp_path / "emulator.db")):
        for path in tmp_path.glob("emulator.db*"):
            (tmp_path / "killed" / path.name).write_bytes(path.read_bytes())
    assert len(list((tmp_path / "killed").iterdir())) > 1
    assert _finding("database", data_dir=tmp_path / "killed").state == "ok"


@pytest.mark.parametrize(
    ("table", "sentence"), [("schema_version", "another version of the emulator"), ("jobs", "not made by the emulator")]
)
def test_database_that_the_server_refuses_is_missing(tmp_path: Path, table: str, sentence: str) -> None:
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as connection:
        connection.execute(f"CREATE TABLE {table} (version INTEGER)")
    finding = _finding("database", data_dir=tmp_path)
    assert finding.state == "missing"
    assert sentence in finding.found
    assert finding.hint.startswith("set PROCESSING_EMULATOR_DATA_DIR to another folder")


def test_file_that_is_no_database_is_missing(tmp_path: Path) -> None:
    (tmp_path / "emulator.db").write_bytes(b"something else " * 500)
    assert "is not a database" in _finding("database", data_dir=tmp_path).found


def test_no_database_is_ok_because_the_server_makes_it(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert _finding("database", data_dir=folder).state == "ok"
    (tmp_path / "emulator.db").touch()
    assert _finding("database", data_dir=tmp_path).state == "ok"


def test_data_directory_of_a_running_emulator_is_ok_and_said_to_be_in_use(tmp_path: Path) -> None:
    with DataDir(tmp_path).locked():
        finding = _finding("data directory", data_dir=tmp_path)
        assert finding.state == "ok"
        assert finding.found.endswith("in use by a running emulator")
        assert "another PROCESSING_EMULATOR_DATA_DIR" in finding.hint
        assert _finding("database", data_dir=tmp_path).state == "ok"
    assert "in use" not in _finding("data directory", data_dir=tmp_path).found
