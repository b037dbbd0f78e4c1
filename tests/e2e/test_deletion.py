"""Reusing the name of a deleted job, and instance preferences, with real containers and restarts."""

import pytest

from tests.builders import a_request
from tests.e2e.conftest import leftovers
from tests.e2e.server import EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


def test_reuses_the_name_of_a_deleted_job_after_a_restart(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    sagemaker = server.client("sagemaker")
    arns = []
    for round_ in ("one", "two"):
        tags = [{"Key": "round", "Value": round_}]
        request = a_request("again", entrypoint=["sh", "-c", f"echo {round_}"], Tags=tags)
        arns.append(sagemaker.create_processing_job(**request)["ProcessingJobArn"])
        assert server.wait_for_end("again")["ProcessingJobStatus"] == "Completed"
        assert server.log_lines("again") == [round_]
        assert sagemaker.list_tags(ResourceArn=arns[0])["Tags"] == tags
        sagemaker.delete_processing_job(ProcessingJobName="again")
        assert server.stop() == 0
        server.start()
        sagemaker = server.client("sagemaker")
        assert sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []
    assert arns[0] == arns[1]
    assert leftovers(server) == []


def test_skips_a_preferred_type_that_this_machine_cannot_run(server: EmulatorProcess) -> None:
    cluster = {
        "VolumeSizeInGB": 1,
        "InstancePreferences": [
            {"InstanceType": "ml.p3.16xlarge", "InstanceCount": 1},
            {"InstanceType": "ml.t3.medium", "InstanceCount": 1},
        ],
    }
    script = "cat /opt/ml/config/processingjobconfig.json"
    resources = {"ProcessingResources": {"ClusterConfig": cluster}}
    request = a_request("prefers", entrypoint=["sh", "-c", script]) | resources
    if server.control("health")["services"]["gpu"]["count"] >= 8:
        pytest.skip("this machine has the GPUs of the first preference")

    server.client("sagemaker").create_processing_job(**request)

    answer = server.wait_for_end("prefers")
    assert answer["ProcessingJobStatus"] == "Completed", answer.get("FailureReason")
    shown = answer["ProcessingResources"]["ClusterConfig"]
    assert (shown["SelectedInstanceType"], shown["SelectedInstanceCount"]) == ("ml.t3.medium", 1)
    assert shown["InstancePreferences"] == cluster["InstancePreferences"]
    assert '"InstanceType":"ml.t3.medium"' in server.log_lines("prefers")[0]
