"""A server whose jobs are stored on PostgreSQL. It needs no engine: every job waits for one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import a_request
from tests.e2e.server import EmulatorProcess

pytestmark = pytest.mark.e2e

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def server(tmp_path: Path, postgresql_url: str) -> Iterator[EmulatorProcess]:
    process = EmulatorProcess(
        tmp_path / "data",
        docker_host=f"tcp://{NOWHERE}",
        s3_endpoint=f"http://{NOWHERE}",
        database_url=postgresql_url,
    )
    try:
        yield process.start()
    finally:
        process.kill()


def test_api_serves_jobs_and_tags_and_keeps_them_across_a_restart(server: EmulatorProcess) -> None:
    sagemaker = server.client("sagemaker")
    arn = sagemaker.create_processing_job(**a_request("My-Job"), Tags=[{"Key": "team", "Value": "ml"}])[
        "ProcessingJobArn"
    ]
    sagemaker.create_processing_job(**a_request("other"))
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])

    assert server.stop() == 0
    server.start()

    sagemaker = server.client("sagemaker")
    assert sagemaker.describe_processing_job(ProcessingJobName="my-job")["ProcessingJobName"] == "My-Job"
    listed = sagemaker.list_processing_jobs(SortBy="Name", SortOrder="Descending")["ProcessingJobSummaries"]
    assert [job["ProcessingJobName"] for job in listed] == ["other", "My-Job"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [
        {"Key": "stage", "Value": "test"},
        {"Key": "team", "Value": "ml"},
    ]
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_processing_job(**a_request("MY-JOB"))
    sagemaker.stop_processing_job(ProcessingJobName="My-Job")
    server.wait_for_status("My-Job", {"Stopped"})
    assert [job["name"] for job in server.control("jobs")["jobs"]] == ["other", "My-Job"]


def test_second_server_on_the_same_database_ends_with_a_sentence(server: EmulatorProcess, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "processing_emulator", "serve", "--port", "0", "--data-dir", str(tmp_path / "b")]
    command += ["--database-url", server.settings["database_url"], "--s3-endpoint", f"http://{NOWHERE}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "another process holds it locked" in done.stderr
