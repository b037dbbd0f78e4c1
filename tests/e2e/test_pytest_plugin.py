"""The pytest plugin in runs of its own, on a server that simulates containers."""

import json
import os
import subprocess
import sys
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from processing_emulator.cli import background_server
from processing_emulator.cli.settings_flags import load_settings

pytestmark = pytest.mark.e2e

TESTS = """
import os
import boto3
import pytest
from botocore.exceptions import ClientError

WRITE = "PROCESSING_EMULATOR_SIMULATE_WRITE"
PRINT = "PROCESSING_EMULATOR_SIMULATE_PRINT"
EXIT_CODE = "PROCESSING_EMULATOR_SIMULATE_EXIT_CODE"
OUT = "/opt/ml/processing/output"

def test_outputs(run_processing_job, tmp_path):
    (tmp_path / "a.csv").write_text("1")
    job = run_processing_job(
        "any:image", ["python3", "main.py"], inputs={"/opt/ml/processing/input": tmp_path / "a.csv"}, outputs=[OUT],
        environment={WRITE: OUT + "/deep/sum.txt=3", PRINT: "hello"},
    )
    assert {path: file.read_text() for path, file in job.outputs.items()} == {OUT + "/deep/sum.txt": "3"}
    assert job.log == ["simulated: any:image did not run", "hello"]
    assert list(job.peaks) == ["algo-1"]

def test_expected_failure(run_processing_job):
    job = run_processing_job("any:image", environment={EXIT_CODE: "3"}, expect="Failed")
    assert "exit code: 3" in job.failure_reason

def test_failure(run_processing_job):
    run_processing_job("any:image", environment={EXIT_CODE: "2", PRINT: "the last words"})

@pytest.mark.emulator_fault("CreateProcessingJob", "ResourceLimitExceeded", message="first")
@pytest.mark.emulator_fault("CreateProcessingJob", "ServiceUnavailable", status=503)
def test_faults(sagemaker_emulator):
    create = sagemaker_emulator.client("sagemaker").create_processing_job
    job = {
        "ProcessingJobName": "faults", "RoleArn": "arn:aws:iam::000000000000:role/any",
        "AppSpecification": {"ImageUri": "any:image"},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
    }
    with pytest.raises(ClientError, match="ResourceLimitExceeded.*first"):
        create(**job)
    assert create(**job)["ResponseMetadata"]["RetryAttempts"] == 1
    with sagemaker_emulator.fault("GetCallerIdentity", "AccessDenied", service="sts", status=403):
        with pytest.raises(ClientError, match="AccessDenied"):
            boto3.client("sts").get_caller_identity()
    with sagemaker_emulator.fault("GetCallerIdentity", "AccessDenied", service="sts"):
        pass
    boto3.client("sts").get_caller_identity()

def test_boto3_finds_the_server(emulator_bucket, sagemaker_emulator):
    s3 = boto3.client("s3")
    s3.put_object(Bucket=emulator_bucket, Key="a", Body=b"1")
    account = boto3.client("sts").get_caller_identity()["Account"]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    assert account == sagemaker_emulator.account == f"{int(worker.removeprefix('gw')) + 1 if worker else 0:012d}"
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with these tests, whose temporary files are its own."""
    pytester.makepyfile(test_jobs=TESTS)
    monkeypatch.setenv("TMPDIR", str(pytester.mkdir("tmp")))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    for name in [name for name in os.environ if name.startswith("PROCESSING_EMULATOR_")]:
        monkeypatch.delenv(name)
    return pytester


def _folders(run: pytest.Pytester) -> list[Path]:
    return list((run.path / "tmp").glob("processing-emulator-*"))


def test_workers_share_a_server_that_leaves_nothing(run: pytest.Pytester) -> None:
    done = run.runpytest_subprocess("-n", "2", "--emulator-runner", "simulate", "--junitxml=junit.xml")

    done.assert_outcomes(passed=4, failed=1)
    done.stdout.fnmatch_lines(
        [
            "processing job run-* is Failed: AlgorithmError: Simulated: any:image did not run, exit code: 2",
            "*Captured processing job run-*",
            "http://127.0.0.1:*/_emulator/dashboard/jobs/run-*",
            "the last words",
        ]
    )
    properties = ET.parse(run.path / "junit.xml").iter("property")
    jobs = [json.loads(each.attrib["value"]) for each in properties]
    assert sorted(job["status"] for job in jobs) == ["Completed", "Failed", "Failed"]
    assert len({job["url"].split("/_emulator")[0] for job in jobs}) == 1
    summary = (run.path / "summary.md").read_text().splitlines()
    assert summary[0] == "### Processing jobs: 3"
    assert len([line for line in summary if line.startswith("| test_jobs.py::")]) == 3
    assert _folders(run) == []


def test_a_kept_server_can_be_used_by_another_run(run: pytest.Pytester) -> None:
    chosen = ("-k", "outputs or finds", "-p", "no:randomly")
    kept = run.runpytest_subprocess(*chosen, "--emulator-runner", "simulate", "--emulator-keep")
    kept.assert_outcomes(passed=2, deselected=3)
    (folder,) = _folders(run)
    try:
        kept.stdout.fnmatch_lines([f"processing-emulator was left: processing-emulator stop --data-dir {folder}/data"])
        url = (folder / "url").read_text()
        run.runpytest_subprocess(*chosen, "--emulator-url", url).assert_outcomes(passed=2, deselected=3)
        with urllib.request.urlopen(f"{url}/_emulator/jobs") as answer:
            assert [job["status"] for job in json.load(answer)["jobs"]] == ["Completed", "Completed"]
    finally:
        background_server.stop(load_settings({"data_dir": str(folder / "data")}))


def test_without_docker_it_says_what_to_do(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESSING_EMULATOR_DOCKER_HOST", f"unix://{run.path}/no-docker.sock")
    done = run.runpytest_subprocess("-k", "outputs")
    done.assert_outcomes(errors=1, deselected=4)
    done.stdout.fnmatch_lines(["*Docker*", "Without Docker: pytest --emulator-runner simulate"])
    assert _folders(run) == []


def test_a_run_that_does_not_use_it_imports_nothing_for_it() -> None:
    program = "import sys, processing_emulator.pytest_plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"click", "pydantic", "boto3", "botocore", "rich", "psutil"} & set(done.stdout.split())
