"""The AWS CLI v1, unmodified, in a network that reaches only the server."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_request
from tests.e2e.clients.conftest import IDENTITY, IsolatedClients, client_home
from tests.e2e.clients.isolated_network import FinishedProcess
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

Aws = Callable[..., FinishedProcess]


@pytest.fixture
def aws(clients: IsolatedClients, tmp_path: Path) -> Aws:
    """A function that runs one AWS CLI command in a new folder."""
    number = iter(range(100))

    def run(*arguments: str) -> FinishedProcess:
        folder = tmp_path / f"call-{next(number)}"
        folder.mkdir()
        return clients.run(folder, str(client_home("awscli") / "bin" / "aws"), *arguments)

    return run


def _json(finished: FinishedProcess) -> Any:
    assert finished.code == 0, finished
    return json.loads(finished.stdout)


def _create(aws: Aws, tmp_path: Path, name: str, *command: str) -> FinishedProcess:
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(a_request(name, image=TEST_IMAGE, entrypoint=list(command))))
    return aws("sagemaker", "create-processing-job", "--cli-input-json", f"file://{path}")


def test_creates_waits_for_and_describes_a_job(clients: IsolatedClients, aws: Aws, tmp_path: Path) -> None:
    assert _json(_create(aws, tmp_path, "cli-job", "true")) == {
        "ProcessingJobArn": "arn:aws:sagemaker:us-east-1:000000000000:processing-job/cli-job"
    }
    clients.server.wait_for_end("cli-job")  # the CLI's waiter polls once a minute
    named = ("--processing-job-name", "cli-job")
    assert aws("sagemaker", "wait", "processing-job-completed-or-stopped", *named).code == 0
    query = ("--query", "[ProcessingJobStatus, ProcessingResources.ClusterConfig.InstanceType]")
    assert _json(aws("sagemaker", "describe-processing-job", *named, *query)) == ["Completed", "ml.t3.medium"]


def test_joins_the_pages_of_a_list(clients: IsolatedClients, aws: Aws, tmp_path: Path) -> None:
    names = [f"cli-listed-{number}" for number in range(3)]
    sagemaker = clients.server.client("sagemaker")
    for name in names:
        sagemaker.create_processing_job(**a_request(name, image=TEST_IMAGE, entrypoint=["true"]))
    listed = aws(
        "sagemaker", "list-processing-jobs", "--page-size", "1", "--name-contains", "cli-listed-", "--sort-by", "Name",
        "--sort-order", "Ascending", "--query", "ProcessingJobSummaries[].ProcessingJobName",
    )  # fmt: skip
    assert _json(listed) == names
    for name in names:
        clients.server.wait_for_end(name)


def test_stops_a_running_job(clients: IsolatedClients, aws: Aws, tmp_path: Path) -> None:
    _create(aws, tmp_path, "cli-stopped", "sleep", "600")
    stopped = aws("sagemaker", "stop-processing-job", "--processing-job-name", "cli-stopped")
    assert (stopped.code, stopped.stdout, stopped.stderr) == (0, "", "")
    assert clients.server.wait_for_end("cli-stopped")["ProcessingJobStatus"] == "Stopped"


def test_prints_the_service_s_error(aws: Aws) -> None:
    refused = aws("sagemaker", "describe-processing-job", "--processing-job-name", "nowhere")
    assert refused.code in (254, 255)
    assert "An error occurred (ValidationException) when calling the DescribeProcessingJob operation" in refused.stderr
    assert "Could not find requested job with name: nowhere" in refused.stderr


def test_copies_syncs_and_lists_folders(clients: IsolatedClients, aws: Aws, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    (source / "sub").mkdir(parents=True)
    (source / "one.txt").write_text("one")
    (source / "sub" / "two words+ü.txt").write_text("two")
    (source / "large.bin").write_bytes(bytes(9 * 1024 * 1024))  # in parts
    for path in source.rglob("*.*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))  # S3 tells whole seconds: a file of this second may look newer
    assert aws("s3", "mb", "s3://cli-bucket").code == 0
    assert aws("s3", "sync", str(source), "s3://cli-bucket/data").code == 0
    again = aws("s3", "sync", str(source), "s3://cli-bucket/data")
    assert (again.code, again.stdout) == (0, "")
    listed = aws("s3", "ls", "--recursive", "s3://cli-bucket/data/").stdout.splitlines()
    assert [line.split(maxsplit=2)[2] for line in listed] == [
        "9437184 data/large.bin",
        "3 data/one.txt",
        "3 data/sub/two words+ü.txt",
    ]
    assert aws("s3", "cp", "--recursive", "s3://cli-bucket/data", str(back)).code == 0
    assert {path.relative_to(back): path.read_bytes() for path in back.rglob("*") if path.is_file()} == {
        path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()
    }
    assert aws("s3", "rm", "--recursive", "s3://cli-bucket/data/sub").code == 0
    left = aws("s3", "ls", "--recursive", "s3://cli-bucket/data/").stdout.splitlines()
    assert [line.split()[3] for line in left] == ["data/large.bin", "data/one.txt"]


def test_caller_identity_is_the_account_of_the_keys(aws: Aws) -> None:
    identity = _json(aws("sts", "get-caller-identity"))
    assert {name: identity[name] for name in ("Account", "Arn")} == IDENTITY


def test_creates_and_locates_buckets_by_region(aws: Aws) -> None:
    west = ("--region", "eu-west-1")
    named = ("--bucket", "cli-bucket")
    assert [aws("s3", "mb", "s3://cli-bucket").code for _ in range(2)] == [0, 0]
    assert "BucketAlreadyOwnedByYou" in aws("s3", "mb", "s3://cli-bucket", *west).stderr
    assert _json(aws("s3api", "get-bucket-location", *named))["LocationConstraint"] is None
    assert _json(aws("s3api", "get-bucket-location", *named, *west))["LocationConstraint"] == "eu-west-1"


def test_reads_the_log_of_a_job_and_searches_it(clients: IsolatedClients, aws: Aws, tmp_path: Path) -> None:
    assert _create(aws, tmp_path, "cli-logs", "seq", "2500").code == 0
    waited = aws("sagemaker", "wait", "processing-job-completed-or-stopped", "--processing-job-name", "cli-logs")
    assert waited.code == 0, waited
    group = ["--log-group-name", "/aws/sagemaker/ProcessingJobs"]

    prefix = ["--log-stream-name-prefix", "cli-logs/"]
    [stream] = _json(aws("logs", "describe-log-streams", *group, *prefix))["logStreams"]
    read = aws("logs", "get-log-events", *group, "--log-stream-name", stream["logStreamName"], "--start-from-head")
    found = aws("logs", "filter-log-events", *group, *prefix, "--page-size", "1000")
    matching = aws("logs", "filter-log-events", *group, *prefix, "--filter-pattern", "%^24..$%")

    numbers = [str(number) for number in range(1, 2501)]
    assert [event["message"] for event in _json(read)["events"]] == numbers
    assert [event["message"] for event in _json(found)["events"]] == numbers
    assert [event["message"] for event in _json(matching)["events"]] == numbers[2399:2499]
