"""The request that a command line becomes."""

from collections.abc import Sequence
from typing import Any

import pytest

from processing_emulator.cli.emulator_client import client_of
from processing_emulator.cli.job_from_line import JobFromLine, JobLine, command_words
from processing_emulator.config import Settings


def request_of(inputs: Sequence[str] = (), outputs: Sequence[str] = (), **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "image": "image:1",
        "command": ("python3", "main.py"),
        "name": "job",
        "inputs": inputs,
        "outputs": outputs,
        "environment": {"A": "b"},
        "instance_type": "ml.m5.large",
        "instance_count": 2,
        "volume_size_in_gb": 5,
        "max_runtime_seconds": None,
    }
    return JobFromLine(client_of(Settings()), JobLine(**given | changes)).request()


@pytest.mark.parametrize(
    ("text", "uri", "folder"),
    [
        ("s3://bucket/prefix", "s3://bucket/prefix", "/opt/ml/processing/input"),
        ("s3://bucket/a:/opt/ml/processing/a", "s3://bucket/a", "/opt/ml/processing/a"),
        ("data", "s3://sagemaker-us-east-1-000000000000/job/input-0", "/opt/ml/processing/input"),
        ("/data:/opt/x", "s3://sagemaker-us-east-1-000000000000/job/input-0", "/opt/x"),
    ],
)
def test_inputs_are_buckets_or_uploaded_folders(text: str, uri: str, folder: str) -> None:
    (found,) = request_of(inputs=[text])["ProcessingInputs"]

    assert (found["S3Input"]["S3Uri"], found["S3Input"]["LocalPath"]) == (uri, folder)


def test_second_folder_gets_a_path_and_a_name_of_its_own() -> None:
    outputs = request_of(outputs=["one", "two"])["ProcessingOutputConfig"]["Outputs"]

    assert [(each["OutputName"], each["S3Output"]["LocalPath"]) for each in outputs] == [
        ("output-1", "/opt/ml/processing/output"),
        ("output-2", "/opt/ml/processing/output-2"),
    ]


def test_options_become_members() -> None:
    request = request_of(max_runtime_seconds=60)

    assert request["AppSpecification"] == {"ImageUri": "image:1", "ContainerEntrypoint": ["python3", "main.py"]}
    assert request["Environment"] == {"A": "b"}
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
    assert request["ProcessingResources"]["ClusterConfig"] == {
        "InstanceCount": 2,
        "InstanceType": "ml.m5.large",
        "VolumeSizeInGB": 5,
    }


def test_without_a_command_the_image_decides() -> None:
    request = request_of(command=())

    assert "ContainerEntrypoint" not in request["AppSpecification"]
    assert "ProcessingOutputConfig" not in request


def test_one_argument_is_split_as_a_shell_does() -> None:
    assert command_words(["sh -c 'echo 1'"]) == ["sh", "-c", "echo 1"]
    assert command_words(["echo", "a b"]) == ["echo", "a b"]
    assert command_words([]) == []
