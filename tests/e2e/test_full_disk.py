"""A server whose data directory is on a small disk that fills up."""

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.builders import a_request, an_input, an_output
from tests.e2e.server import RUN_CODE, EmulatorProcess
from tests.fixtures_disk import SmallDisk
from tests.waiting import wait_for

MIB = 1024**2


@pytest.fixture
def server(small_disk: SmallDisk) -> Iterator[EmulatorProcess]:
    process = EmulatorProcess(small_disk.root / "site" / "data", s3_patience_seconds="1", stop_grace_seconds="2")
    process.data_dir.parent.mkdir()
    process.log_path = small_disk.root.parent / "serve.log"
    try:
        yield process
    finally:
        process.kill()


def reset(server: EmulatorProcess) -> dict[str, Any]:
    request = urllib.request.Request(f"{server.url}/_emulator/reset", method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        document: dict[str, Any] = json.load(answer)
        return document


def test_requests_that_cannot_be_stored_name_the_full_disk(small_disk: SmallDisk, server: EmulatorProcess) -> None:
    server.start()
    sagemaker, s3 = server.client("sagemaker"), server.client("s3")
    s3.create_bucket(Bucket="bkt")
    assert server.control("health")["services"]["disk"]["status"] == "ok"
    small_disk.fill()

    for number in range(3):
        with pytest.raises(ClientError, match=r"emulator\.db: the disk is full\. Nothing was stored\.") as caught:
            sagemaker.create_processing_job(**a_request(f"job-{number}"))
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
    assert sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []
    with pytest.raises(ClientError, match=r"the disk of \S+ is full: 0\.0 MiB are free") as caught:
        s3.put_object(Bucket="bkt", Key="k", Body=os.urandom(4 * MIB))
    assert caught.value.response["Error"]["Code"] == "InsufficientStorage"

    disk = server.control("health")["services"]["disk"]
    assert (disk["status"], disk["freeBytes"]) == ("down", 0)
    assert "/_emulator/reset" in disk["hint"]
    assert server.log().count("disk full, request not stored") == 1
    assert "Traceback" not in server.log()

    small_disk.free()
    sagemaker.create_processing_job(**a_request("job"))
    assert server.control("health")["services"]["disk"]["status"] == "ok"


def test_a_full_disk_of_the_database_stops_samples_and_no_job(
    small_disk: SmallDisk, server: EmulatorProcess, docker_engine: None, tmp_path: Path
) -> None:
    """The volumes of jobs are on another disk: a job whose own disk is full is ended with that reason."""
    server.data_dir.mkdir()
    (tmp_path / "jobs").mkdir()
    (server.data_dir / "jobs").symlink_to(tmp_path / "jobs")
    server.start()
    server.client("sagemaker").create_processing_job(**a_request("job", entrypoint=["sleep", "4"]))
    server.wait_for_phase("job", "Running")
    small_disk.fill()

    wait_for("samples to be dropped", lambda: " WARNING samples dropped " in server.log() or None, 30)
    assert server.describe("job")["ProcessingJobStatus"] == "InProgress"
    [warning] = [line for line in server.log().splitlines() if " samples dropped " in line]
    assert "the disk is full" in warning

    small_disk.free()
    ended = server.wait_for_end("job")
    assert ended["ProcessingJobStatus"] == "Completed", ended
    assert "Traceback" not in server.log()


def test_a_server_starts_on_a_full_disk_for_its_user_to_clean_up(
    small_disk: SmallDisk, server: EmulatorProcess
) -> None:
    server.start()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bkt")
    s3.put_object(Bucket="bkt", Key="k", Body=b"here")
    server.client("sagemaker").create_processing_job(**a_request("job", image="no-such-image:1"))
    server.wait_for_end("job")
    server.kill()
    small_disk.fill()

    server.start()
    (warning,) = [line for line in server.log().splitlines() if " WARNING disk full " in line]
    assert "0.0 MiB are free" in warning
    assert "list and delete" in warning
    assert server.describe("job")["ProcessingJobStatus"] == "Failed"
    assert server.client("s3").get_object(Bucket="bkt", Key="k")["Body"].read() == b"here"
    server.client("s3").delete_object(Bucket="bkt", Key="k")
    server.client("sagemaker").delete_processing_job(ProcessingJobName="job")
    assert server.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"] == []
    answer = reset(server)
    assert answer["status"] == "ok"
    assert answer["s3"]["buckets"] == ["bkt"]


def test_inputs_that_fill_the_disk_are_named_in_the_failure_reason(
    small_disk: SmallDisk, server: EmulatorProcess, docker_engine: None
) -> None:
    server.start()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bkt")
    s3.put_object(Bucket="bkt", Key="in/k", Body=os.urandom(32 * MIB))
    small_disk.fill(leave_bytes=16 * MIB)
    server.client("sagemaker").create_processing_job(**a_request("job", inputs=[an_input()]))
    reason = server.wait_for_end("job")["FailureReason"]
    assert reason.startswith("ClientError: Data download failed:Insufficient disk space (")
    assert "No space left on device" in reason


def test_outputs_that_fill_the_disk_of_the_embedded_store_are_named_in_the_failure_reason(
    small_disk: SmallDisk, server: EmulatorProcess, docker_engine: None
) -> None:
    server.start()
    server.client("s3").create_bucket(Bucket="bkt")
    code = server.stage_code("job", "import os; open('/opt/ml/processing/output/f', 'wb').write(os.urandom(24 << 20))")
    small_disk.fill(leave_bytes=32 * MIB)
    request = a_request("job", inputs=[code], outputs=[an_output()], entrypoint=RUN_CODE)
    server.client("sagemaker").create_processing_job(**request)
    reason = server.wait_for_end("job")["FailureReason"]
    assert reason.startswith("ClientError: Artifact upload failed:Insufficient disk space (the disk of ")
