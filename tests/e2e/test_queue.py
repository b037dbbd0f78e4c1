"""More jobs than the machine has capacity for: they wait in order, and their queue position is shown."""

from collections.abc import Iterator

import pytest

from tests.builders import a_request, an_output
from tests.e2e.conftest import leftovers, running_server
from tests.e2e.server import EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

VCPUS = {"ml.t3.medium": 2, "ml.m5.xlarge": 4, "ml.m5.2xlarge": 8}
MEMORY_GIB = {"ml.t3.medium": 4, "ml.m5.xlarge": 16, "ml.m5.2xlarge": 32}
STUBBORN = "mixed-06"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Iterator[EmulatorProcess]:
    """A server with room for one large job and two small ones."""
    folder = tmp_path_factory.mktemp("emulator")
    with running_server(folder, capacity_cpus="12", capacity_memory_mib=str(48 * 1024)) as process:
        yield process


def test_thirty_jobs_of_mixed_sizes_complete_and_never_exceed_the_capacity(server: EmulatorProcess) -> None:
    """One asks for more than half of the capacity, one is stopped and ignores SIGTERM. Containers say when they ran."""
    sagemaker, s3 = server.client("sagemaker"), server.client("s3")
    types = {f"mixed-{number:02}": ("ml.m5.xlarge" if number % 3 == 2 else "ml.t3.medium") for number in range(30)}
    types["mixed-03"] = "ml.m5.2xlarge"
    for name, kind in types.items():
        script = f"began=$(date +%s%N); sleep 0.3; echo $began $(date +%s%N) > /opt/ml/processing/output/{name}"
        if name == STUBBORN:
            script = "trap 'echo ignored' TERM; while true; do sleep 0.1; done"
        request = a_request(
            name, entrypoint=["sh", "-c", script], instance_type=kind, outputs=[an_output(uri="s3://bkt/many")]
        )
        sagemaker.create_processing_job(**request)
    server.wait_for_phase(STUBBORN, "Running")
    sagemaker.stop_processing_job(ProcessingJobName=STUBBORN)

    ends = {name: server.wait_for_end(name, 120) for name in types}

    statuses = {name: end["ProcessingJobStatus"] for name, end in ends.items()}
    assert statuses == {**dict.fromkeys(types, "Completed"), STUBBORN: "Stopped"}
    for kind in VCPUS:
        starts = [end["ProcessingStartTime"] for name, end in ends.items() if types[name] == kind]
        assert starts == sorted(starts)
    pages = sagemaker.get_paginator("list_processing_jobs").paginate(NameContains="mixed-", MaxResults=7)
    assert [one["ProcessingJobName"] for page in pages for one in page["ProcessingJobSummaries"]] == list(types)
    ran = {
        name: [int(stamp) for stamp in s3.get_object(Bucket="bkt", Key=f"many/{name}")["Body"].read().split()]
        for name in types
        if name != STUBBORN
    }
    at_once = [[types[name] for name, (began, ended) in ran.items() if began <= at < ended] for at, _ in ran.values()]
    assert max(map(len, at_once)) > 1
    assert max(sum(VCPUS[kind] for kind in kinds) for kinds in at_once) <= 12
    assert max(sum(MEMORY_GIB[kind] for kind in kinds) for kinds in at_once) <= 48
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
