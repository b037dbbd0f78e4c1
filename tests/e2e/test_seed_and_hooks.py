"""Seed and scripts around a real server: what is there when it says Ready, and how it ends when they fail."""

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


class Place:
    """A seed, an init directory, and servers that use them."""

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
        """`serve`, for starts that are to fail."""
        given = {"data_dir": str(self.folder / "data"), "port": "0", "init_dir": str(self.init), **settings}
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PROCESSING_EMULATOR_"))}
        environment |= {f"PROCESSING_EMULATOR_{name.upper()}": value for name, value in given.items()}
        command = [sys.executable, "-m", "processing_emulator", "serve"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def fails(self, **settings: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a start that is to fail."""
        process = self.command(**settings)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return process.returncode, out, err


@pytest.fixture
def place(tmp_path: Path, docker_engine: None) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for server in made.servers:
        server.kill()


def test_whoever_waits_for_ready_finds_seed_and_scripts_done(place: Place) -> None:
    place.script("boot.d/10-make-seed.sh", f"mkdir -p {place.seed}/raw-data; printf 1,2 > {place.seed}/raw-data/a.csv")
    place.script("ready.d/10-look.py", LIST_BUCKETS)
    place.script("ready.d/20-make.py", "import boto3; boto3.client('s3').create_bucket(Bucket='made-by-script')")
    place.script("shutdown.d/10-look.py", LIST_BUCKETS)
    server = place.server(seed=str(place.seed)).start()
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


def test_a_second_start_leaves_alone_what_is_there(place: Place) -> None:
    place.file("seed/raw-data/a.csv", "seed")
    server = place.server(seed=str(place.seed)).start()
    server.client("s3").put_object(Bucket="raw-data", Key="a.csv", Body=b"mine")
    assert server.stop() == 0
    server.start()
    assert server.client("s3").get_object(Bucket="raw-data", Key="a.csv")["Body"].read() == b"mine"


def test_an_external_store_is_seeded_with_its_own_keys(place: Place, minio: S3Server) -> None:
    bucket = f"seeded-{os.getpid()}"
    place.file(
        "seed.yaml",
        f"buckets: [{{name: {bucket}, objects: [{{key: k, text: t, content_type: text/x, metadata: {{a: b}}}}]}}]",
    )
    place.script(
        "ready.d/look.py",
        "import boto3\nprint(boto3.client('s3').list_objects_v2(Bucket='" + bucket + "')['KeyCount'])",
    )
    server = place.server(
        seed=str(place.folder / "seed.yaml"),
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
def test_a_broken_seed_ends_the_start_with_a_sentence(place: Place, name: str, content: str, sentence: str) -> None:
    place.file(name, content)
    code, out, err = place.fails(seed=str(place.folder / name.partition("/")[0]))
    assert (code, out) == (2, "")
    assert re.search(rf"^Error: seed .*{re.escape(sentence)}", err, re.MULTILINE)


def test_a_seed_for_a_store_that_does_not_know_the_keys_ends_the_start(place: Place, minio: S3Server) -> None:
    place.file("seed/bucket/file", "x")
    code, out, err = place.fails(seed=str(place.seed), s3_endpoint=minio.endpoint, s3_access_key="nobody")
    assert (code, out) == (2, "")
    assert f"Error: the S3 store at {minio.endpoint} refused" in err


@pytest.mark.parametrize("stage", ["boot.d", "ready.d"])
def test_a_script_that_fails_ends_the_start_and_is_named(place: Place, stage: str) -> None:
    place.script(f"{stage}/10-bad.sh", "echo doing; echo it broke >&2; exit 7")
    place.script(f"{stage}/20-never.sh", "echo never")
    place.script("shutdown.d/10-back.sh", "echo taken back")
    code, out, err = place.fails()
    assert (code, out) == (1, "")
    assert f"Error: script {stage}/10-bad.sh ended with exit code 7; its last line: it broke" in err
    assert "never" not in err
    assert ('script=shutdown.d/10-back.sh line="taken back"' in err) is (stage == "ready.d")


@pytest.mark.parametrize("stage", ["boot.d", "ready.d"])
def test_a_script_that_takes_too_long_ends_the_start_with_all_it_started(place: Place, stage: str) -> None:
    place.script(f"{stage}/slow.sh", "sleep 300 & echo $!; wait")
    code, out, err = place.fails(init_timeout_seconds="0.5")
    assert (code, out) == (1, "")
    assert f"Error: script {stage}/slow.sh did not end within 0.5 s" in err
    _is_gone(err, f"{stage}/slow.sh")


def test_a_shutdown_script_that_fails_is_a_warning(place: Place) -> None:
    place.script("shutdown.d/bad.sh", "echo sorry; exit 3")
    server = place.server().start()
    assert server.stop() == 0
    error = "script shutdown.d/bad.sh ended with exit code 3; its last line: sorry"
    assert f'WARNING shutdown script failed error="{error}"' in server.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["boot.d", "ready.d"])
def test_a_signal_while_a_script_runs_ends_both(place: Place, stage: str, number: signal.Signals) -> None:
    place.script(f"{stage}/slow.sh", "sleep 300 & echo $!; wait")
    process = place.command()
    assert process.stderr is not None
    first = _line_of(process.stderr, f"{stage}/slow.sh")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert out == ""
    assert "Traceback" not in err
    _is_gone(first, f"{stage}/slow.sh")


def test_a_second_ctrl_c_ends_a_shutdown_script(place: Place) -> None:
    place.script("shutdown.d/slow.sh", "sleep 300 & echo $!; wait")
    process = place.command()
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


def test_an_init_directory_that_is_not_there_is_a_mistake(place: Place) -> None:
    code, _out, err = place.fails(init_dir=str(place.folder / "none"))
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


def test_a_reset_waits_for_the_seed_that_is_being_put_in(place: Place) -> None:
    place.file("seed/raw-data/0.csv", "x")
    server = place.server(seed=str(place.seed)).start()
    assert server.stop() == 0
    for number in range(1, 1000):
        place.file(f"seed/raw-data/{number}.csv", "x")

    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(server.start)  # on the same port
        wait_for("the seed to be on its way", lambda: _seed_status(server) == "running" or None)
        reset = urllib.request.Request(f"{server.url}/_emulator/reset", method="POST")
        with urllib.request.urlopen(reset, timeout=60) as answer:
            assert json.load(answer)["seed"]["objects"] == 1000
        starting.result()

    assert server.client("s3").list_objects_v2(Bucket="raw-data")["KeyCount"] == 1000


def _seed_status(server: EmulatorProcess) -> object:
    try:
        return server.control("init")["seed"]["status"]
    except OSError:  # it does not listen yet
        return None
