"""A user's tasks of Flyte, executed by flytekit's own local executor: the connectors are those that run on a cluster.

Usage: flytekit_client.py IMAGE RUNNING-JOB        (prints what the tasks returned or raised, as one JSON document)
"""

import asyncio
import json
import sys
from typing import Any

import boto3
from flytekitplugins.awssagemaker_processing import (
    SageMakerDescribeProcessingJobTask,
    SageMakerProcessingJobConnector,
    SageMakerProcessingJobMetadata,
    SageMakerProcessingJobTask,
)

REGION = "us-east-1"


def a_task(name: str, code: str, image: str, **options: Any) -> SageMakerProcessingJobTask:
    """`{idempotence_token}` in the name is a digest of the request, by which a retry finds its job."""
    config = {
        "ProcessingJobName": name,
        "RoleArn": "arn:aws:iam::000000000000:role/any",
        "AppSpecification": {"ImageUri": "{images.job}", "ContainerEntrypoint": ["sh", "-c", code]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
    }
    return SageMakerProcessingJobTask(name=name, config=config, region=REGION, images={"job": image}, **options)


def error_of(task: Any) -> str:
    try:
        task()
    except Exception as error:  # noqa: BLE001  # the test compares it
        return str(error)
    return "none"


def main(image: str) -> None:
    once, retried = (
        a_task("flyte-{inputs.part}-{idempotence_token}", "true", image, inputs={"part": str})(part="a")
        for _ in range(2)
    )
    error = error_of(a_task("flyte-failing", "exit 3", image))
    described = SageMakerDescribeProcessingJobTask(
        name="describe", config={"ProcessingJobName": "flyte-failing"}, region=REGION
    )
    answers = {
        "name": once["ProcessingJobName"].rpartition("-")[0],
        "retried is the same": once["ProcessingJobArn"] == retried["ProcessingJobArn"],
        "failing": error.rpartition("error=")[2],
        "described": described().result["FailureReason"],
        "aborted": abort(sys.argv[2]),
    }
    print("\n" + json.dumps(answers))


def abort(name: str) -> str:
    """What a cluster does when a workflow is aborted while a job runs."""
    job = SageMakerProcessingJobMetadata(config={"ProcessingJobName": name}, region=REGION)
    asyncio.run(SageMakerProcessingJobConnector().delete(job))
    status: str = boto3.client("sagemaker").describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"]
    return status


main(sys.argv[1])
