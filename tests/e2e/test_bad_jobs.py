"""Every way a job can fail or be stopped: status, FailureReason, and no leftovers (spec 1.7-1.9, 8)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_request, an_input, an_output
from tests.e2e.conftest import leftovers
from tests.e2e.server import EmulatorProcess
from tests.fixtures_docker import missing

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

SLEEP = ["sleep", "300"]


def _create(server: EmulatorProcess, request: dict[str, Any]) -> str:
    server.client("sagemaker").create_processing_job(**request)
    name: str = request["ProcessingJobName"]
    return name


def _ends(server: EmulatorProcess, request: dict[str, Any], timeout_seconds: float = 60) -> dict[str, Any]:
    answer = server.wait_for_end(_create(server, request), timeout_seconds)
    assert "ProcessingEndTime" in answer
    assert leftovers(server) == []
    return answer


def _fails(server: EmulatorProcess, request: dict[str, Any], timeout_seconds: float = 60) -> str:
    answer = _ends(server, request, timeout_seconds)
    assert answer["ProcessingJobStatus"] == "Failed"
    reason: str = answer["FailureReason"]
    return reason


def test_missing_image(server: EmulatorProcess) -> None:
    reason = _fails(server, a_request("no-image", image="registry.invalid/no/such:1"))
    assert reason.startswith(
        "ClientError: Cannot pull algorithm container. "
        "Either the image does not exist or its permissions are incorrect."
    )
    assert "docker load" in reason
    assert "processing-emulator images pull registry.invalid/no/such:1" in reason
    assert "PROCESSING_EMULATOR_IMAGE_MAP" in reason


def test_entrypoint_that_is_not_executable(server: EmulatorProcess) -> None:
    reason = _fails(server, a_request("not-executable", entrypoint=["/etc/passwd"]))
    assert reason.startswith("AlgorithmError: ")
    assert "permission denied" in reason
    assert reason.endswith(", exit code: 126")


def test_entrypoint_that_does_not_exist(server: EmulatorProcess) -> None:
    reason = _fails(server, a_request("not-there", entrypoint=["/no/such/program"]))
    assert "no such file or directory" in reason
    assert reason.endswith(", exit code: 127")


def test_input_prefix_without_objects(server: EmulatorProcess) -> None:
    reason = _fails(server, a_request("empty-prefix", inputs=[an_input(uri="s3://bkt/nothing/here/")]))
    assert reason == "ClientError: Failed to download data. No S3 objects found under s3://bkt/nothing/here/"


def test_input_from_a_missing_bucket(server: EmulatorProcess) -> None:
    reason = _fails(server, a_request("no-bucket", inputs=[an_input(uri="s3://no-such-bucket/x/")]))
    assert reason.startswith("ClientError: Failed to download data. ListObjectsV2 failed for s3://no-such-bucket/x/")
    assert "NoSuchBucket" in reason


def test_upload_to_a_missing_bucket(server: EmulatorProcess) -> None:
    request = a_request(
        "no-upload",
        entrypoint=["sh", "-c", "echo x > /opt/ml/processing/output/f"],
        outputs=[an_output(uri="s3://no-such-bucket/out")],
    )
    reason = _fails(server, request)
    assert reason.startswith("ClientError: Artifact upload failed:")
    assert "NoSuchBucket" in reason


def test_key_that_is_also_a_folder(server: EmulatorProcess) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket="bkt", Key="clash/a", Body=b"1")
    s3.put_object(Bucket="bkt", Key="clash/a/b", Body=b"2")
    reason = _fails(server, a_request("clash", inputs=[an_input(uri="s3://bkt/clash/")]))
    assert reason == "ClientError: Failed to download data. object key 'clash/a' is also the folder of other keys"


def test_inputs_larger_than_the_volume(server: EmulatorProcess) -> None:
    s3 = server.client("s3")
    part = bytes(300 << 20)
    for number in range(4):
        s3.put_object(Bucket="bkt", Key=f"large/{number}", Body=part)
    try:
        reason = _fails(server, a_request("too-large", inputs=[an_input(uri="s3://bkt/large/")], volume_gib=1))
    finally:
        for number in range(4):
            s3.delete_object(Bucket="bkt", Key=f"large/{number}")
    assert reason.startswith("ClientError: Data download failed:Insufficient disk space")
    assert "VolumeSizeInGB is 1" in reason


def test_exit_message_that_is_not_utf_8(server: EmulatorProcess) -> None:
    script = r"printf '\377\376' > /opt/ml/output/message"
    reason = _fails(server, a_request("bad-message", entrypoint=["sh", "-c", script]))
    assert reason.startswith("ClientError: /opt/ml/output/message is not UTF-8")


def test_23_max_runtime_stops_the_job_without_upload(server: EmulatorProcess) -> None:
    request = a_request(
        "too-long",
        entrypoint=["sh", "-c", "echo x > /opt/ml/processing/output/f; exec sleep 300"],
        outputs=[an_output(uri="s3://bkt/too-long")],
        StoppingCondition={"MaxRuntimeInSeconds": 2},
    )
    answer = _ends(server, request)
    assert answer["ProcessingJobStatus"] == "Stopped"
    assert "FailureReason" not in answer
    took = (answer["ProcessingEndTime"] - answer["ProcessingStartTime"]).total_seconds()
    assert 2 <= took < 15  # limit 2 s, then 2 s of grace, because sleep ignores SIGTERM as PID 1
    assert server.client("s3").list_objects_v2(Bucket="bkt", Prefix="too-long")["KeyCount"] == 0


def test_22_stop_shows_stopping_at_once_and_sends_sigterm(server: EmulatorProcess) -> None:
    script = "trap 'echo got TERM; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    name = _create(server, a_request("stopped", entrypoint=["sh", "-c", script]))
    server.wait_for_phase(name, "Running")
    sagemaker = server.client("sagemaker")
    sagemaker.stop_processing_job(ProcessingJobName=name)
    shown = sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"]
    assert shown in {"Stopping", "Stopped"}
    answer = server.wait_for_end(name)
    assert answer["ProcessingJobStatus"] == "Stopped"
    assert "FailureReason" not in answer
    assert server.log_lines(name)[-1] == "got TERM"
    assert leftovers(server) == []
    with pytest.raises(sagemaker.exceptions.ClientError, match="is in status Stopped"):
        sagemaker.stop_processing_job(ProcessingJobName=name)


def test_container_that_ignores_sigterm_is_killed(server: EmulatorProcess) -> None:
    name = _create(server, a_request("stubborn", entrypoint=["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]))
    server.wait_for_phase(name, "Running")
    server.client("sagemaker").stop_processing_job(ProcessingJobName=name)
    answer = server.wait_for_end(name, 20)
    assert answer["ProcessingJobStatus"] == "Stopped"
    assert leftovers(server) == []


def test_gpu_job_without_gpus_fails(server: EmulatorProcess) -> None:
    gpus = server.control("health")["services"]["gpu"]["count"]
    reason = _fails(server, a_request("gpu", instance_type="ml.g5.48xlarge")) if gpus < 8 else ""
    assert gpus >= 8 or reason == (
        "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance "
        f"type. (1 x ml.g5.48xlarge needs 8 GPU; this host has {gpus})"
    )


@pytest.fixture
def small_server(tmp_path: Path, docker_engine: None) -> Iterator[EmulatorProcess]:
    """A server with 96 MiB of memory for jobs."""
    process = EmulatorProcess(tmp_path / "data", capacity_memory_mib="96").start()
    try:
        yield process
        process.stop()
    finally:
        process.kill()


def test_out_of_memory(small_server: EmulatorProcess) -> None:
    request = a_request("oom", entrypoint=["python3", "-c", "x = bytearray(300 << 20); print(len(x))"])
    assert _fails(small_server, request) == (
        "ClientError: Please use an instance type with more memory, "
        "or reduce the size of job data processed on an instance."
    )
    limits = small_server.control("jobs/oom")["instances"][0]["limits"]
    assert (limits["memoryBytes"], limits["capped"]) == (96 << 20, True)
    sizing = small_server.control("jobs/oom")["rightSizing"]
    assert (sizing["verdict"], sizing["confidence"]) == ("ml.t3.medium may do.", "unknown")
    assert "algo-1 ran out of its 96.0 MiB of memory; how much more it needs is not known." in sizing["reasons"]


@pytest.fixture
def tiny_disk_server(tmp_path: Path, docker_engine: None) -> Iterator[EmulatorProcess]:
    """A server whose job folders are on a disk of 8 MiB."""
    if os.geteuid() != 0:
        missing("mounting a small disk needs root")
    data = tmp_path / "data"
    (data / "jobs").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(data / "jobs")], check=True)
    process = EmulatorProcess(data, cache_gib="0")  # the cache is on another disk than the job folders
    try:
        yield process.start()
        process.stop()
    finally:
        process.kill()
        subprocess.run(["umount", str(data / "jobs")], check=True)


def test_full_disk_during_the_download(tiny_disk_server: EmulatorProcess) -> None:
    s3 = tiny_disk_server.client("s3")
    s3.create_bucket(Bucket="bkt")
    for number in range(4):
        s3.put_object(Bucket="bkt", Key=f"in/{number}", Body=bytes(4 << 20))
    reason = _fails(tiny_disk_server, a_request("full", inputs=[an_input()]))
    assert reason.startswith("ClientError: Data download failed:Insufficient disk space")
    s3.put_object(Bucket="bkt", Key="small/x", Body=b"x")
    answer = _ends(tiny_disk_server, a_request("after", entrypoint=["true"], inputs=[an_input(uri="s3://bkt/small/")]))
    assert answer["ProcessingJobStatus"] == "Completed"
