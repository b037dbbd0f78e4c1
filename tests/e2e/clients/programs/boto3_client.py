"""A user's program with boto3. Prints its results as one JSON document.

Usage: boto3_client.py TASK IMAGE
"""

import io
import json
import sys
import time
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, WaiterError

MIB = 1024**2


def a_job(name: str, image: str, *command: str) -> dict[str, Any]:
    return {
        "ProcessingJobName": name,
        "RoleArn": "arn:aws:iam::000000000000:role/any",
        "AppSpecification": {"ImageUri": image, "ContainerEntrypoint": list(command)},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
    }


def wait(image: str) -> object:
    """Wait for a job that succeeds, one that fails, and one that does not exist."""
    sagemaker = boto3.client("sagemaker")
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    seen: dict[str, object] = {}
    for name, code in (("waited-good", "exit 0"), ("waited-bad", "exit 7"), ("waited-none", None)):
        if code is not None:
            sagemaker.create_processing_job(**a_job(name, image, "sh", "-c", code))
        try:
            waiter.wait(ProcessingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
            seen[name] = sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"]
        except WaiterError as error:
            seen[name] = error.last_response.get("FailureReason") or error.last_response["Error"]["Code"]
    return seen


def pages(image: str) -> object:
    """List seven jobs in pages of three."""
    sagemaker = boto3.client("sagemaker")
    for number in range(7):
        sagemaker.create_processing_job(**a_job(f"b3-paged-{number}", image, "true"))
    paginator = sagemaker.get_paginator("list_processing_jobs")
    query = {"NameContains": "b3-paged-", "SortBy": "Name", "SortOrder": "Ascending"}
    found = [
        [job["ProcessingJobName"] for job in page["ProcessingJobSummaries"]]
        for page in paginator.paginate(**query, PaginationConfig={"PageSize": 3})
    ]
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    for number in range(7):
        waiter.wait(ProcessingJobName=f"b3-paged-{number}", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return found


def refusals(image: str) -> object:
    """Catch errors by their exception classes."""
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_processing_job(**a_job("used-name", image, "true"))
    seen = []
    try:
        sagemaker.create_processing_job(**a_job("Used-Name", image, "true"))
    except sagemaker.exceptions.ResourceInUse as error:
        seen.append(error.response["Error"]["Code"])
    try:
        sagemaker.describe_processing_job(ProcessingJobName="nowhere")
    except ClientError as error:
        seen.append(error.response["Error"]["Code"])
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName="used-name", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    try:
        sagemaker.list_training_jobs()
    except ClientError as error:
        seen.append(error.response["Error"]["Code"])
    return seen


def objects(_image: str) -> object:
    """Put and get small and large objects, ranges, and pages of keys."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="objects")
    times = []
    for number in range(5):
        begin = time.monotonic()
        s3.put_object(Bucket="objects", Key=f"small/{number}", Body=b"x" * 1000)  # expects "100 Continue"
        times.append(time.monotonic() - begin)
    body = bytes(range(256)) * (20 * MIB // 256)
    parts = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    s3.upload_fileobj(io.BytesIO(body), "objects", "large", Config=parts)
    back = io.BytesIO()
    s3.download_fileobj("objects", "large", back, Config=parts)
    ranged = s3.get_object(Bucket="objects", Key="large", Range="bytes=1000000-1000009")
    keys = s3.get_paginator("list_objects_v2").paginate(
        Bucket="objects", Prefix="small/", PaginationConfig={"PageSize": 2}
    )
    return {
        "quickest put under half a second": min(times) < 0.5,
        "parts": s3.head_object(Bucket="objects", Key="large")["ETag"].strip('"').partition("-")[2],
        "same bytes": back.getvalue() == body,
        "range": [ranged["ContentRange"], list(ranged["Body"].read())],
        "pages": [[entry["Key"] for entry in page["Contents"]] for page in keys],
    }


def identity(_image: str) -> object:
    answer = boto3.client("sts").get_caller_identity()
    return {name: answer[name] for name in ("Account", "Arn")}


TASKS = {task.__name__: task for task in (wait, pages, refusals, objects, identity)}

print(json.dumps(TASKS[sys.argv[1]](sys.argv[2])))
