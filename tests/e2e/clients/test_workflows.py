"""Clients that run jobs for others, unmodified, in a network that reaches only the server: Airflow, Flyte and smops."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_request
from tests.e2e.clients.conftest import PROGRAMS, IsolatedClients, client_home, lines_of, python_of
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


LOG_PANE_OF_SMOPS = """
from sagemaker_ops.aws import build_contexts, tail_processing_job_logs
[context] = build_contexts((), None)
print(*tail_processing_job_logs(context, "smops-job"), sep="\\n")
"""
"""What the terminal interface calls for the pane next to a job."""


def test_airflow_runs_and_watches_jobs(clients: IsolatedClients, tmp_path: Path) -> None:
    program = str(PROGRAMS / "airflow_client.py")
    answer = json.loads(lines_of(clients.run(tmp_path, python_of("airflow"), program, TEST_IMAGE))[-1])
    second = answer.pop("name of the second")
    assert second.startswith("airflow-job-")  # with a time of Airflow's, because the name was taken
    assert answer == {
        "role": "arn:aws:iam::000000000000:role/any-role",
        "status": "Completed",
        "files": {"evaluation": {"error": 0.5}},
        "name in use": "AirflowException: A SageMaker job with name airflow-job already exists.",
        "failing": "AirflowException: SageMaker resource failed because AlgorithmError: , exit code: 3",
        "sensor": "none",
        "sensor of failing": "AirflowException: Sagemaker job failed for the following reason: Unknown",
    }


def test_flytekit_runs_adopts_and_aborts_jobs(clients: IsolatedClients, tmp_path: Path) -> None:
    sagemaker = clients.server.client("sagemaker")
    sagemaker.create_processing_job(**a_request("flyte-running", image=TEST_IMAGE, entrypoint=["sleep", "60"]))
    program = str(PROGRAMS / "flytekit_client.py")
    done = clients.run(tmp_path, python_of("flytekit"), program, TEST_IMAGE, "flyte-running")
    assert json.loads(lines_of(done)[-1]) == {
        "name": "flyte-a",
        "retried is the same": True,
        "failing": "Failed to run the task flyte-failing with error: AlgorithmError: , exit code: 3",
        "described": "AlgorithmError: , exit code: 3",
        "aborted": "Stopping",
    }
    clients.server.wait_for_end("flyte-running")


def test_smops_submits_lists_and_waits_for_a_job(clients: IsolatedClients, tmp_path: Path) -> None:
    request = a_request("smops-job", image=TEST_IMAGE, entrypoint=["sh", "-c", "echo hello; exec sleep 60"])
    (tmp_path / "job.json").write_text(json.dumps(request))

    def smops(*arguments: str) -> Any:
        folder = tmp_path / arguments[0]
        folder.mkdir()
        command = [str(client_home("smops") / "bin" / "smops"), "processing", *arguments, "--json"]
        return json.loads("\n".join(lines_of(clients.run(folder, *command))))

    assert smops("submit", "--config", str(tmp_path / "job.json"))["processing_job_name"] == "smops-job"
    listed = {item["name"]: item for item in smops("list")["items"]}
    assert (listed["smops-job"]["status"], listed["smops-job"]["instance_count"]) == ("InProgress", 1)
    clients.server.client("sagemaker").stop_processing_job(ProcessingJobName="smops-job")
    assert smops("wait", "--name", "smops-job", "--poll", "1")["processing_job"]["status"] == "Stopped"
    shown = lines_of(clients.run(tmp_path, python_of("smops"), "-c", LOG_PANE_OF_SMOPS))
    assert [line.partition("Z ")[2] for line in shown] == ["hello"]
