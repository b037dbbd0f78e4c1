"""A user's tasks of Airflow: the operator runs a job and waits for it, the sensor waits for a job of somebody else.

Tasks are executed without Airflow's scheduler and database; what talks to the services is the same code.

Usage: airflow_client.py IMAGE        (prints what the tasks returned or raised, as one JSON document)
"""

import json
import sys
from typing import Any

import boto3
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerProcessingOperator
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerProcessingSensor

NUMBERS_AS_TEMPLATES_GIVE_THEM = {"InstanceCount": "1", "InstanceType": "ml.t3.medium", "VolumeSizeInGB": "1"}


def an_operator(name: str, image: str, code: str, **options: Any) -> SageMakerProcessingOperator:
    report = {"S3Uri": "s3://reports/airflow", "LocalPath": "/opt/ml/processing/report", "S3UploadMode": "EndOfJob"}
    config = {
        "ProcessingJobName": name,
        "RoleArn": "any-role",
        "AppSpecification": {"ImageUri": image, "ContainerEntrypoint": ["sh", "-c", code]},
        "ProcessingResources": {"ClusterConfig": NUMBERS_AS_TEMPLATES_GIVE_THEM},
        "StoppingCondition": {"MaxRuntimeInSeconds": "600"},
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "report", "S3Output": report}]},
    }
    return SageMakerProcessingOperator(task_id=name, config=config, aws_conn_id=None, check_interval=1, **options)


def error_of(task: Any) -> str:
    try:
        task.execute({})
    except Exception as error:  # noqa: BLE001  # the test compares it
        return f"{type(error).__name__}: {error}"
    return "none"


def main(image: str) -> None:
    boto3.client("s3").create_bucket(Bucket="reports")
    report = "echo '{\"error\": 0.5}' > /opt/ml/processing/report/metrics.json"
    to_xcom = [{"output_name": "report", "file_name": "metrics.json", "result_name": "evaluation"}]
    first = an_operator("airflow-job", image, report, output_files_to_xcom=to_xcom).execute({})
    again = an_operator("airflow-job", image, "true").execute({})
    answers = {
        "role": first["Processing"]["RoleArn"],
        "status": first["Processing"]["ProcessingJobStatus"],
        "files": first["OutputFiles"],
        "name of the second": again["Processing"]["ProcessingJobName"],
        "name in use": error_of(an_operator("airflow-job", image, "true", action_if_job_exists="fail")),
        "failing": error_of(an_operator("airflow-failing", image, "exit 3")),
        "sensor": error_of(SageMakerProcessingSensor(task_id="good", job_name="airflow-job", aws_conn_id=None)),
        "sensor of failing": error_of(
            SageMakerProcessingSensor(task_id="bad", job_name="airflow-failing", aws_conn_id=None)
        ),
    }
    print("\n" + json.dumps(answers))


main(sys.argv[1])
