"""More jobs than the machine has capacity for: they wait in order, and their queue position is shown."""

import pytest

from tests.builders import a_request, an_output
from tests.e2e.conftest import leftovers
from tests.e2e.server import EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

JOBS = 20


def test_twenty_jobs_complete_in_order(server: EmulatorProcess) -> None:
    sagemaker = server.client("sagemaker")
    names = [f"many-{number:02}" for number in range(JOBS)]
    for name in names:
        script = f"echo {name} > /opt/ml/processing/output/{name}"
        sagemaker.create_processing_job(
            **a_request(name, entrypoint=["sh", "-c", script], outputs=[an_output(uri="s3://bkt/many")])
        )
    ends = [server.wait_for_end(name, 120) for name in names]
    assert {end["ProcessingJobStatus"] for end in ends} == {"Completed"}
    starts = [end["ProcessingStartTime"] for end in ends]
    assert starts == sorted(starts)
    pages = sagemaker.get_paginator("list_processing_jobs").paginate(NameContains="many-", MaxResults=7)
    listed = [summary["ProcessingJobName"] for page in pages for summary in page["ProcessingJobSummaries"]]
    assert listed == names
    objects = server.client("s3").list_objects_v2(Bucket="bkt", Prefix="many/")["Contents"]
    assert [item["Key"] for item in objects] == [f"many/{name}" for name in names]
    assert leftovers(server) == []


def test_waiting_job_shows_its_position_and_can_be_stopped(server: EmulatorProcess) -> None:
    sagemaker = server.client("sagemaker")
    blocker = a_request("blocker", entrypoint=["sleep", "300"], instance_type="ml.m5.24xlarge")
    sagemaker.create_processing_job(**blocker)
    server.wait_for_phase("blocker", "Running")
    for name in ("second", "third"):
        sagemaker.create_processing_job(**a_request(name, entrypoint=["true"]))
    wait_for("second to be waiting", lambda: "waiting" in _actions(server, "second") or None)
    waits = [server.control(f"jobs/{name}")["waiting"] for name in ("second", "third")]
    assert [wait["queuePosition"] for wait in waits] == [1, 2]
    assert waits[0]["reason"].startswith("vCPU: ")
    assert waits[1]["reason"] == f"behind earlier jobs (the first needs {waits[0]['reason']})"
    assert "ProcessingStartTime" not in server.describe("second")
    sagemaker.stop_processing_job(ProcessingJobName="second")
    stopped = server.wait_for_end("second")
    assert stopped["ProcessingJobStatus"] == "Stopped"
    assert "ProcessingStartTime" not in stopped
    assert server.describe("third")["ProcessingJobStatus"] == "InProgress"
    sagemaker.stop_processing_job(ProcessingJobName="blocker")
    assert server.wait_for_end("blocker")["ProcessingJobStatus"] == "Stopped"
    assert server.wait_for_end("third")["ProcessingJobStatus"] == "Completed"


def _actions(server: EmulatorProcess, name: str) -> list[str]:
    return [event["action"] for event in server.control(f"jobs/{name}")["events"]]
