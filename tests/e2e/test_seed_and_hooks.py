"""Seed and init scripts with a real server: the state when it prints Ready, and its exit when they fail."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from tests.e2e.server import EmulatorProcess
from tests.fixtures_s3 import ACCESS_KEY, SECRET_KEY, S3Server
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

LIST_BUCKETS = """
import boto3
print("buckets", sorted(bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]))
print("jobs", len(boto3.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]))
"""


class SeedAndHooks:
    """A folder with a seed and an init directory, and servers that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seed = folder / "seed"
        self.init = folder / "init"
        self.init.mkdir()
        self.servers: list[EmulatorProcess] = []

    def script(self, name: str, content: str) -> None:
        path = self.init / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)

    def file(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def server(self, **settings: str) -> EmulatorProcess:
        process = EmulatorProcess(self.folder / "data", init_dir=str(self.init), **settings)
        self.servers.append(process)
        return process

    def command(self, **settings: str) -> subprocess.Popen[str]:
        """Start `serve` and return the process without waiting for Ready."""
        given = {"data_dir": str(self.folder / "data"), "port": "0", "init_dir": str(self.init), **settings}
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PROCESSING_EMULATOR_"))}
        environment |= {f"PROCESSING_EMULATOR_{name.upper()}": value for name, value in given.items()}
        command = [sys.executable, "-m", "processing_emulator", "serve"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def fails(self, **settings: str) -> tuple[int, str, str]:
        """Start a server that must fail; returns exit code, stdout and stderr."""
        process = self.command(**settings)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return process.returncode, out, err


@pytest.fixture
def site(tmp_path: Path, docker_engine: None) -> Iterator[SeedAndHooks]:
    made = SeedAndHooks(tmp_path)
    yield made
    for server in made.servers:
        server.kill()


def test_seed_and_ready_scripts_are_done_when_ready_is_printed(site: SeedAndHooks) -> None:
    site.script("boot.d/10-make-seed.sh", f"mkdir -p {site.seed}/raw-data; printf 1,2 > {site.seed}/raw-data/a.csv")
    site.script("ready.d/10-look.py", LIST_BUCKETS)
    site.script("ready.d/20-make.py", "import boto3; boto3.client('s3').create_bucket(Bucket='made-by-script')")
    site.script("shutdown.d/10-look.py", LIST_BUCKETS)
    server = site.server(seed=str(site.seed)).start()
    s3 = server.client("s3")
    assert s3.get_object(Bucket="raw-data", Key="a.csv")["Body"].read() == b"1,2"
    s3.head_bucket(Bucket="made-by-script")
    assert server.control("health")["init"] == {
        "boot.d": "completed",
        "ready.d": "completed",
        "shutdown.d": "pending",
        "seed": "completed",
    }
    ready = server.control("init")["stages"]["ready.d"]
    assert [run["name"] for run in ready["scripts"]] == ["ready.d/10-look.py", "ready.d/20-make.py"]
    assert server.stop() == 0
    printed = [line.partition(" INFO script output ")[2] for line in server.log().splitlines()]
    assert [line for line in printed if line] == [
        """script=ready.d/10-look.py line="buckets ['raw-data']\"""",
        'script=ready.d/10-look.py line="jobs 0"',
        """script=shutdown.d/10-look.py line="buckets ['made-by-script', 'raw-data']\"""",
        'script=shutdown.d/10-look.py line="jobs 0"',
    ]


def test_second_start_keeps_existing_objects(site: SeedAndHooks) -> None:
    site.file("seed/raw-data/a.csv", "seed")
    server = site.server(seed=str(site.seed)).start()
    server.client("s3").put_object(Bucket="raw-data", Key="a.csv", Body=b"mine")
    assert server.stop() == 0
    server.start()
    assert server.client("s3").get_object(Bucket="raw-data", Key="a.csv")["Body"].read() == b"mine"


def test_seeds_an_external_store(site: SeedAndHooks, minio: S3Server) -> None:
    bucket = f"seeded-{os.getpid()}"
    site.file(
        "seed.yaml",
        f"buckets: [{{name: {bucket}, objects: [{{key: k, text: t, content_type: text/x, metadata: {{a: b}}}}]}}]",
    )
    site.script(
        "ready.d/look.py",
        "import boto3\nprint(boto3.client('s3').list_objects_v2(Bucket='" + bucket + "')['KeyCount'])",
    )
    server = site.server(
        seed=str(site.folder / "seed.yaml"),
        s3_endpoint=minio.endpoint,
        s3_access_key=ACCESS_KEY,
        s3_secret_key=SECRET_KEY,
    ).start()
    with minio.client() as client:
        answer = client.get_object(Bucket=bucket, Key="k")
        assert (answer["Body"].read(), answer["ContentType"], answer["Metadata"]) == (b"t", "text/x", {"a": "b"})
    assert "script=ready.d/look.py line=1" in server.log()
    s3 = server.control("health")["services"]["s3"]
    assert s3 == {"status": "ok", "kind": "external", "endpoint": minio.endpoint}
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("seed.yaml", "buckets: [{name: bkt, object: []}]", "buckets.0.object: Extra inputs are not permitted"),
        ("seed/Upper/file", "", "'Upper' cannot be the name of a bucket"),
        ("seed.yaml", "a: [", "is not YAML"),
    ],
)
def test_invalid_seed_exits_with_code_2_and_a_sentence(
    site: SeedAndHooks, name: str, content: str, sentence: str
) -> None:
    site.file(name, content)
    code, out, err = site.fails(seed=str(site.folder / name.partition("/")[0]))
    assert (code, out) == (2, "")
    assert re.search(rf"^Error: seed .*{re.escape(sentence)}", err, re.MULTILINE)


def test_seed_exits_with_code_2_when_the_store_refuses_the_keys(site: SeedAndHooks, minio: S3Server) -> None:
    site.file("seed/bucket/file", "x")
    code, out, err = site.fails(seed=str(site.seed), s3_endpoint=minio.endpoint, s3_access_key="unknown")
    assert (code, out) == (2, "")
    assert f"Error: the S3 store at {minio.endpoint} refused" in err


@pytest.mark.parametrize("stage", ["boot.d", "ready.d"])
def test_failed_script_exits_with_code_1_and_is_named(site: SeedAndHooks, stage: str) -> None:
    site.script(f"{stage}/10-bad.sh", "echo doing; echo it broke >&2; exit 7")
    site.script(f"{stage}/20-never.sh", "echo never")
    site.script("shutdown.d/10-back.sh", "echo taken back")
    code, out, err = site.fails()
    assert (code, out) == (1, "")
    assert f"Error: script {stage}/10-bad.sh ended with exit code 7; its last line: it broke" in err
    assert "never" not in err
    assert ('script=shutdown.d/10-back.sh line="taken back"' in err) is (stage == "ready.d")


@pytest.mark.parametrize("stage", ["boot.d", "ready.d"])
def test_script_timeout_kills_the_script_and_its_children(site: SeedAndHooks, stage: str) -> None:
    site.script(f"{stage}/slow.sh", "sleep 300 & echo $!; wait")
    code, out, err = site.fails(init_timeout_seconds="0.5")
    assert (code, out) == (1, "")
    assert f"Error: script {stage}/slow.sh did not end within 0.5 s" in err
    _is_gone(err, f"{stage}/slow.sh")


def test_failed_shutdown_script_is_a_warning(site: SeedAndHooks) -> None:
    site.script("shutdown.d/bad.sh", "echo sorry; exit 3")
    server = site.server().start()
    assert server.stop() == 0
    error = "script shutdown.d/bad.sh ended with exit code 3; its last line: sorry"
    assert f'WARNING shutdown script failed error="{error}"' in server.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["boot.d", "ready.d"])
def test_signal_ends_the_running_script_and_the_server(site: SeedAndHooks, stage: str, number: signal.Signals) -> None:
    site.script(f"{stage}/slow.sh", "sleep 300 & echo $!; wait")
    process = site.command()
    assert process.stderr is not None
    first = _line_of(process.stderr, f"{stage}/slow.sh")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert out == ""
    assert "Traceback" not in err
    _is_gone(first, f"{stage}/slow.sh")


def test_second_ctrl_c_ends_a_shutdown_script(site: SeedAndHooks) -> None:
    site.script("shutdown.d/slow.sh", "sleep 300 & echo $!; wait")
    process = site.command()
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("Ready. ")
    process.send_signal(signal.SIGINT)
    first = _line_of(process.stderr, "shutdown.d/slow.sh")
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert 'WARNING shutdown script failed error="script shutdown.d/slow.sh was ended"' in err
    _is_gone(first, "shutdown.d/slow.sh")


def test_missing_init_directory_exits_with_code_2(site: SeedAndHooks) -> None:
    code, _out, err = site.fails(init_dir=str(site.folder / "none"))
    assert code == 2
    assert "is no folder; make it, or leave --init-dir out" in err


def _line_of(stderr: IO[str], script: str) -> str:
    return next(line for line in stderr if f"script={script} " in line)


def _is_gone(said: str, script: str) -> None:
    match: Any = re.search(rf"script={re.escape(script)} line=(\d+)", said)
    pid = int(match[1])

    def probe() -> bool | None:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE or None
        except psutil.NoSuchProcess:
            return True

    wait_for(f"process {pid} to be gone", probe)


def test_reset_waits_for_the_seed_of_a_starting_server(site: SeedAndHooks) -> None:
    site.file("seed/raw-data/0.csv", "x")
    server = site.server(seed=str(site.seed)).start()
    assert server.stop() == 0
    for number in range(1, 1000):
        site.file(f"seed/raw-data/{number}.csv", "x")

    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(server.start)  # on the same port
        wait_for("the seed to be running", lambda: _seed_status(server) == "running" or None)
        reset = urllib.request.Request(f"{server.url}/_emulator/reset", method="POST")
        with urllib.request.urlopen(reset, timeout=60) as answer:
            assert json.load(answer)["seed"]["objects"] == 1000
        starting.result()

    assert server.client("s3").list_objects_v2(Bucket="raw-data")["KeyCount"] == 1000


def _seed_status(server: EmulatorProcess) -> object:
    try:
        return server.control("init")["seed"]["status"]
    except OSError:  # the server does not listen yet
        return None
