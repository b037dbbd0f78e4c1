"""Runs a job of one second and waits for it; prints the seconds between the job's end and the return of the call.

Usage: one_second_job.py boto3|2|3 IMAGE JOB-NAME
"""

import sys
import time
from typing import Any

import boto3


def main(client: str, image: str, name: str) -> None:
    command = ["python3", "-c", "import time; time.sleep(1)"]
    if client == "boto3":
        run_with_boto3(image, name, command)
    else:
        cluster: dict[str, Any] = {"instance_count": 1, "instance_type": "ml.t3.medium"}
        processor_of(client)(image_uri=image, entrypoint=command, **cluster).run(job_name=name, wait=True, logs=True)
    returned = time.time()
    job = boto3.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    print(f"\nreturned after {returned - job['ProcessingEndTime'].timestamp():.2f}")


def processor_of(generation: str) -> Any:
    if generation == "2":
        from sagemaker.processing import Processor
    else:
        from sagemaker.core.processing import Processor
    return Processor


def run_with_boto3(image: str, name: str, command: list[str]) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn="arn:aws:iam::000000000000:role/any",
        AppSpecification={"ImageUri": image, "ContainerEntrypoint": command},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
        },
    )
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName=name)


main(*sys.argv[1:])
