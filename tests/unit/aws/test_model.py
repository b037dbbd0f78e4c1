"""What is kept of the service model."""

import os
import subprocess
import sys
from pathlib import Path

from processing_emulator.aws.protocols.model import SERVED, Kind, Shape
from tests.unit.aws.aws_app import service_model


def test_the_processing_operations_and_tags_are_kept() -> None:
    model = service_model()

    assert tuple(model.operations) == SERVED["sagemaker"]
    assert model.target_prefix == "SageMaker"
    assert set(model.operations["CreateProcessingJob"].errors) == {
        "ResourceInUse",
        "ResourceLimitExceeded",
        "ResourceNotFound",
    }
    assert model.operations["StopProcessingJob"].output is None


def test_names_of_all_other_operations_are_known() -> None:
    assert {"CreateTrainingJob", "DescribeProcessingJob"} < service_model().operation_names


def test_constraints_are_read_from_the_model() -> None:
    request = service_model().operations["CreateProcessingJob"].input
    name = request.members["ProcessingJobName"]

    assert request.required == {"ProcessingJobName", "ProcessingResources", "AppSpecification", "RoleArn"}
    assert name == Shape(
        name="ProcessingJobName",
        kind=Kind.STRING,
        minimum=1,
        maximum=63,
        pattern="[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    )
    assert (
        "ml.m5.xlarge" in request.members["ProcessingResources"].members["ClusterConfig"].members["InstanceType"].enum
    )


def test_a_model_in_the_user_s_home_is_ignored(tmp_path: Path) -> None:
    folder = tmp_path / ".aws" / "models" / "sagemaker" / "2099-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text("{}")
    module = "processing_emulator.aws.protocols.model"
    program = f"from {module} import load_service_model; print(*load_service_model('sagemaker').operations)"

    # botocore looks up the home once, when it is imported
    environment = {**os.environ, "HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)

    assert (run.returncode, run.stdout.split()) == (0, list(SERVED["sagemaker"])), run.stderr
