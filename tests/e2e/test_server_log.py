"""The log that a server prints while jobs run, as its user reads it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.builders import a_request, an_input, an_output
from tests.e2e.server import EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) (.+)")
SECRET = "hush-hush-hush"


@pytest.fixture
def server(tmp_path: Path, docker_engine: None) -> Iterator[EmulatorProcess]:
    server = EmulatorProcess(tmp_path / "data", s3_secret_key=SECRET)
    yield server
    server.kill()


def _job(name: str, command: str) -> dict[str, Any]:
    return a_request(
        name,
        entrypoint=["sh", "-c", command],
        inputs=[an_input()],
        outputs=[an_output()],
    )


def _refused(call: Any, **arguments: Any) -> ClientError:
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return refusal.value


def test_log_of_a_completed_and_a_failed_job(server: EmulatorProcess) -> None:
    server.start()
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    s3.create_bucket(Bucket="bkt")
    s3.put_object(Bucket="bkt", Key="in/a.csv", Body=b"1,2")
    created = sagemaker.create_processing_job(**_job("good", "echo a secret of the job"))
    server.wait_for_end("good")
    sagemaker.create_processing_job(**_job("bad", "exit 3"))
    server.wait_for_end("bad")
    refused = _refused(sagemaker.stop_processing_job, ProcessingJobName="none")
    assert server.stop() == 0

    lines = server.log().splitlines()
    assert all(LINE.fullmatch(line) for line in lines), server.log()
    events = [match[2] for match in map(LINE.fullmatch, lines) if match is not None]
    assert events[0].startswith("server starting version=")
    assert events[-1] == "server stopped jobs_running=0"
    assert _milestones(events, "good") == [
        "job created",
        "job admitted",
        "image ready",
        "staged in",
        "container started",
        "container exited",
        "staged out",
        "job ended",
    ]
    assert _line(events, "job created", "good").endswith(f" request_id={created['ResponseMetadata']['RequestId']}")
    assert " status=Completed " in _line(events, "job ended", "good")
    assert " status=Failed " in _line(events, "job ended", "bad")
    assert 'failure_reason="AlgorithmError: , exit code: 3"' in _line(events, "job ended", "bad")
    (refusal,) = [event for event in events if event.startswith("request refused")]
    assert ' operation="SageMaker StopProcessingJob" status=400 code=ValidationException ' in refusal
    assert "Could not find requested job with name: none" in refusal
    assert refusal.endswith(f" request_id={refused.response['ResponseMetadata']['RequestId']}")
    assert SECRET not in server.log()
    assert "a secret of the job" not in server.log()


def _milestones(events: list[str], job: str) -> list[str]:
    return [event.partition(f" job={job} ")[0] for event in events if f" job={job} " in event]


def _line(events: list[str], action: str, job: str) -> str:
    return next(event for event in events if event.startswith(f"{action} job={job} "))


def test_log_as_json(tmp_path: Path, docker_engine: None) -> None:
    server = EmulatorProcess(tmp_path / "data", log_format="json")
    try:
        server.start()
        _refused(server.client("sagemaker").delete_processing_job, ProcessingJobName="none")
        assert server.stop() == 0
        records = [json.loads(line) for line in server.log().splitlines()]
    finally:
        server.kill()
    assert [record["action"] for record in records] == [
        "server starting",
        "server ready",
        "request refused",
        "server stopping",
        "server stopped",
    ]
    assert records[2]["operation"] == "SageMaker DeleteProcessingJob"
    assert {"time", "level", "request_id", "status", "reason"} <= set(records[2])


def test_store_that_does_not_answer_is_a_warning_with_a_hint(tmp_path: Path, docker_engine: None) -> None:
    server = EmulatorProcess(tmp_path / "data", s3_endpoint="http://127.0.0.1:1")
    try:
        server.start()
        assert server.stop() == 0
    finally:
        server.kill()
    (warning,) = [line for line in server.log().splitlines() if " WARNING " in line]
    assert " s3 store not usable endpoint=http://127.0.0.1:1 " in warning
    assert "PROCESSING_EMULATOR_S3_ENDPOINT" in warning
