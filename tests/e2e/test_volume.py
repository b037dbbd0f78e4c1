"""VolumeSizeInGB as a container feels it (spec 2.6): limited by the kernel, or watched where that is not possible."""

import json
import os
import re
import shutil
from pathlib import Path

import docker
import pytest

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.volumes.mounts import mounted_below
from processing_emulator.adapters.volumes.obstacle import find_obstacle
from tests.builders import a_request, an_input, an_output
from tests.e2e.conftest import emulator_id, leftovers
from tests.e2e.server import RUN_CODE, EmulatorProcess
from tests.fixtures_docker import missing
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

GIB = 1024**3

FILLS = """
import errno, json, os

def fill(path, unlink):
    written = 0
    with open(path, "wb", buffering=0) as file:
        if unlink:
            os.unlink(path)
        try:
            while written < 2 << 30:
                written += file.write(bytes(4 << 20))
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
            return written
    return "no limit"

said = {
    "named": fill("/opt/ml/processing/output/big", unlink=False),
    "same volume": fill("/opt/ml/processing/input/more", unlink=False),
}
os.unlink("/opt/ml/processing/output/big")
said["unlinked"] = fill("/opt/ml/processing/output/gone", unlink=True)
said["in /tmp"] = fill("/tmp/f", unlink=False)
with open("/opt/ml/processing/output/said", "w") as file:
    json.dump(said, file)
"""

HOLDS_UNLINKED = """
import os, time
file = open("/opt/ml/processing/output/gone", "wb")
os.unlink(file.name)
for _ in range(300):
    file.write(bytes(4 << 20))
file.flush()
time.sleep(300)
"""

WAITS = """
import os, time
open("/opt/ml/processing/output/started", "w").write("s")
while not os.path.exists("/opt/ml/processing/output/go"): time.sleep(0.05)
"""


@pytest.fixture
def limiting_server(fresh_server: EmulatorProcess) -> EmulatorProcess:
    """A server on a machine where volumes can be limited."""
    fresh_server.data_dir.mkdir()
    if obstacle := find_obstacle(fresh_server.data_dir, Engine().address):
        missing(f"volumes cannot be limited here: {obstacle}")
    fresh_server.settings["capacity_cpus"] = "4"
    fresh_server.start()
    fresh_server.client("s3").create_bucket(Bucket="bkt")
    return fresh_server


def _create(server: EmulatorProcess, name: str, code: str) -> None:
    server.client("s3").put_object(Bucket="bkt", Key="in/small", Body=b"s")
    server.client("sagemaker").create_processing_job(
        **a_request(
            name,
            entrypoint=RUN_CODE,
            inputs=[server.stage_code(name, code), an_input()],
            outputs=[an_output(uri=f"s3://bkt/{name}")],
        )
    )


def test_a_container_that_fills_its_volume_gets_no_space_left_and_decides_itself(
    limiting_server: EmulatorProcess,
) -> None:
    server = limiting_server
    _create(server, "fills", FILLS)
    answer = server.wait_for_end("fills", 120)
    assert answer["ProcessingJobStatus"] == "Completed", answer
    said = json.loads(server.client("s3").get_object(Bucket="bkt", Key="fills/said")["Body"].read())
    assert GIB * 0.99 < said["named"] < GIB * 1.05
    assert said["same volume"] < GIB * 0.01
    assert said["unlinked"] == pytest.approx(said["named"], rel=0.01)
    assert said["in /tmp"] == "no limit"
    assert server.control("jobs/fills")["instances"][0]["peaks"]["diskBytes"] > GIB * 0.5  # a sample each second
    assert leftovers(server) == []
    assert mounted_below(server.data_dir) == ()


def test_a_killed_server_finds_its_volumes_again_and_removes_those_of_jobs_that_are_over(
    limiting_server: EmulatorProcess,
) -> None:
    server = limiting_server
    for name in ("goes-on", "is-lost"):
        _create(server, name, WAITS)
        server.wait_for_phase(name, "Running")
    volumes = mounted_below(server.data_dir)
    assert len(volumes) == 2
    wait_for("both to run", lambda: all((v / "processing/output/started").exists() for v in volumes) or None)
    server.kill()
    engine = docker.from_env()
    try:
        label = f"processing-emulator.id={emulator_id(server)}"
        (lost,) = [c for c in engine.containers.list(filters={"label": label}) if str(c.name).startswith("is-lost")]
        lost.remove(force=True)
    finally:
        engine.close()
    server.start()
    assert server.wait_for_end("is-lost")["FailureReason"].startswith("InternalServerError")
    (volume,) = wait_for("one volume", lambda: left if len(left := mounted_below(server.data_dir)) == 1 else None)
    (volume / "processing/output/go").touch()
    assert server.wait_for_end("goes-on")["ProcessingJobStatus"] == "Completed"
    assert server.client("s3").get_object(Bucket="bkt", Key="goes-on/started")["Body"].read() == b"s"
    assert leftovers(server) == []
    assert mounted_below(server.data_dir) == ()


def test_where_volumes_are_watched_files_without_a_name_count_too(
    fresh_server: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without mke2fs. The open files of a container are shown to root, or to its own user."""
    if os.geteuid() != 0:
        missing("only root sees the open files of a container")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("du", "rm"):
        (programs / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(programs))
    server = fresh_server.start()
    server.client("s3").create_bucket(Bucket="bkt")
    _create(server, "holds", HOLDS_UNLINKED)
    reason = server.wait_for_end("holds")["FailureReason"]
    assert re.fullmatch(
        r"ClientError: Insufficient disk space: the job's files take 1\.\d\d GiB, VolumeSizeInGB is 1", reason
    )
    assert "volumes not limited" in server.log()
    assert leftovers(server) == []
