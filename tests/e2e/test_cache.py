"""Inputs from the cache: what a second job sees, and what the first, a kill or an eviction could do to it."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from processing_emulator.domain.cache_entry import parse_entry
from tests.builders import a_request, an_input
from tests.e2e.conftest import emulator_id, leftovers
from tests.e2e.server import RUN_CODE, EmulatorProcess
from tests.fixtures_s3 import S3Server
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

INPUT = "/opt/ml/processing/input"
KIB = 1024

LOOK = """
import hashlib, os
for folder, _, names in sorted(os.walk("/opt/ml/processing/input")):
    for path in [folder, *sorted(os.path.join(folder, name) for name in names)]:
        state = os.stat(path)
        content = hashlib.md5(open(path, "rb").read()).hexdigest() if os.path.isfile(path) else ""
        time = int(state.st_mtime) if content else ""
        print(path, oct(state.st_mode), state.st_uid, time, content)
"""

RUIN = """
import os
os.chdir("/opt/ml/processing/input")
os.remove("gone")
open("deep/appended", "a").write("more")
open("truncated", "w").close()
os.chmod("mode", 0o600)
os.rename("deep", "renamed")
os.mkdir("deep")
open("new", "w").write("new")
os.utime("empty", (1, 1))
"""

WAIT = """
import os, time
print("ready", flush=True)
while not os.path.exists("/tmp/go"):
    time.sleep(0.05)
"""

KEYS = ("gone", "deep/appended", "deep/er/file", "truncated", "mode", "empty")


@pytest.fixture(scope="module", params=["seaweedfs", "minio"])
def any_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, docker_engine: None
) -> Iterator[EmulatorProcess]:
    """A server on its own store or on MinIO, with the bucket `bkt` and room for several jobs at once."""
    settings = {"capacity_cpus": "8", "stop_grace_seconds": "2"}
    if request.param == "minio":
        store: S3Server = request.getfixturevalue("minio")
        settings |= {"s3_endpoint": store.endpoint}
        settings |= {"s3_access_key": store.access_key, "s3_secret_key": store.secret_key}
    process = EmulatorProcess(tmp_path_factory.mktemp("emulator") / "data", **settings).start()
    try:
        process.client("s3").create_bucket(Bucket="bkt")
        yield process
        assert process.stop() == 0, process.log()[-2000:]
    finally:
        process.kill()


def put(server: EmulatorProcess, prefix: str, **changed: bytes) -> None:
    for key in KEYS:
        body = changed.get(key, b"" if key == "empty" else key.encode() * 1000)
        server.client("s3").put_object(Bucket="bkt", Key=f"{prefix}/{key}", Body=body)


def start(server: EmulatorProcess, name: str, code: str, prefix: str, **request: Any) -> None:
    inputs = [server.stage_code(name, code), an_input(uri=f"s3://bkt/{prefix}/", path=INPUT)]
    server.client("sagemaker").create_processing_job(**a_request(name, entrypoint=RUN_CODE, inputs=inputs, **request))


def finish(server: EmulatorProcess, name: str) -> tuple[list[str], dict[str, Any]]:
    """The lines of a job that must complete, and what its history says of its inputs."""
    described = server.wait_for_end(name, 120)
    assert described["ProcessingJobStatus"] == "Completed", (described, server.log_lines(name))
    events = server.control(f"jobs/{name}")["events"]
    return server.log_lines(name), next(event["detail"] for event in events if event["action"] == "staged_in")


def run(server: EmulatorProcess, name: str, code: str, prefix: str, **request: Any) -> tuple[list[str], dict[str, Any]]:
    start(server, name, code, prefix, **request)
    return finish(server, name)


def kept(server: EmulatorProcess) -> list[Path]:
    return [path for path in (server.data_dir / "cache" / "objects").rglob("*") if path.is_file()]


def test_second_job_sees_the_same_without_a_download_whatever_the_first_has_done(any_store: EmulatorProcess) -> None:
    server = any_store
    put(server, "warm")
    off = [{"Key": "processing-emulator:cache", "Value": "off"}]

    plain, plain_facts = run(server, "plain", LOOK, "warm", Tags=off)
    cold, cold_facts = run(server, "cold", LOOK + RUIN, "warm")
    warm, warm_facts = run(server, "warm", LOOK, "warm")

    assert len(plain) == len(KEYS) + 3
    assert cold == plain
    assert warm == plain
    assert plain_facts["cached_objects"] == cold_facts["cached_objects"] == 0
    assert (warm_facts["cached_objects"], warm_facts["objects"]) == (len(KEYS), len(KEYS) + 1)
    assert warm_facts["cached_bytes"] == warm_facts["bytes"] - len(LOOK)
    wait_for("nothing to be left", lambda: not leftovers(server) or None, 5)
    assert list((server.data_dir / "cache" / "views").iterdir()) == []

    put(server, "warm", gone=b"g" * 4000)  # of the same size
    changed, changed_facts = run(server, "changed", LOOK, "warm")

    assert changed_facts["cached_objects"] == len(KEYS) - 1
    other = [line for line, old in zip(changed, warm, strict=True) if line.split()[-1] != old.split()[-1]]
    assert [line.split()[-1] for line in other] == [hashlib.md5(b"g" * 4000).hexdigest()]


def test_jobs_at_the_same_time_download_each_object_once(any_store: EmulatorProcess) -> None:
    server = any_store
    put(server, "shared")
    names = [f"shared-{number}" for number in range(3)]

    for name in names:
        start(server, name, LOOK + RUIN, "shared")
    done = [finish(server, name) for name in names]

    assert len({tuple(lines) for lines, _ in done}) == 1
    assert sum(facts["cached_objects"] for _, facts in done) == 2 * len(KEYS)


def test_kill_in_the_middle_of_a_download_leaves_nothing_that_counts_as_content(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bkt")
    bodies = {f"{number}": bytes([number]) * (16 * 1024 * KIB) for number in range(12)}
    for key, body in bodies.items():
        s3.put_object(Bucket="bkt", Key=f"big/{key}", Body=body)
    views = server.data_dir / "cache" / "views"
    start(server, "killed", LOOK, "big")

    wait_for("the first file", lambda: any(path.is_file() for path in views.glob("*/*/processing/input/*")) or None)
    server.kill()
    before = kept(server)
    server.start()
    lines, _ = finish(server, "killed")
    again, facts = run(server, "again", LOOK, "big")

    for path in before:
        entry = parse_entry(path.name)
        assert entry is not None
        assert path.stat().st_size == entry.size_bytes
    assert [line.split()[-1] for line in lines[1:]] == [hashlib.md5(bodies[k]).hexdigest() for k in sorted(bodies)]
    assert again == lines
    assert facts["cached_objects"] == len(bodies)
    assert leftovers(server) == []
    assert server.stop() == 0


def test_job_keeps_its_files_through_eviction_clearing_and_a_restart(tmp_path: Path, docker_engine: None) -> None:
    server = EmulatorProcess(tmp_path / "data", cache_gib="0.002", capacity_cpus="8").start()
    try:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="bkt")
        for prefix in ("one", "two"):
            s3.put_object(Bucket="bkt", Key=f"{prefix}/object", Body=prefix.encode() * (400 * KIB))
        start(server, "holds", LOOK + WAIT + LOOK, "one")
        wait_for("the container", lambda: "ready" in server.log_lines("holds") or None, 60)

        run(server, "evicts", LOOK, "two")  # the two do not fit, and the first is in use
        state = command(server, "show")
        assert (state["entries"], state["bytes"] <= state["limitBytes"]) == (3, True)
        assert state["usedBytes"] >= 3 * 400 * KIB
        server.kill()
        server.start()
        assert command(server, "clear")["entries"] == 0
        assert kept(server) == []
        engine = docker.from_env()
        try:
            label = f"processing-emulator.id={emulator_id(server)}"
            (container,) = engine.containers.list(filters={"label": label})
            container.exec_run(["touch", "/tmp/go"])
        finally:
            engine.close()
        lines, _ = finish(server, "holds")

        assert lines[:2] == lines[3:]
        assert lines[1].split()[-1] == hashlib.md5(b"one" * (400 * KIB)).hexdigest()
        assert leftovers(server) == []
        assert server.stop() == 0
    finally:
        server.kill()


def command(server: EmulatorProcess, action: str) -> dict[str, Any]:
    """`processing-emulator cache ACTION --json`."""
    arguments = [sys.executable, "-m", "processing_emulator", "cache", action, "--json", "--url", server.url]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    document: dict[str, Any] = json.loads(done.stdout)
    return document
