"""Runs moto's server with stored jobs, in the Python environment that has moto.

Usage: moto_server.py PORT COUNT BODY-FILE        (a Create request in which @NAME@ is replaced by the job name)

The jobs are added in process through moto's backend; then the server is started as on moto's command line.
"""

import json
import sys
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends
from moto.server import main


def fill(count: int, body: str) -> None:
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    for number in range(count):
        request: dict[str, Any] = json.loads(body.replace("@NAME@", f"stored-{number:07d}"))
        backend.create_processing_job(
            app_specification=request["AppSpecification"],
            experiment_config=request.get("ExperimentConfig"),
            network_config=request.get("NetworkConfig"),
            processing_inputs=request["ProcessingInputs"],
            processing_job_name=request["ProcessingJobName"],
            processing_output_config=request["ProcessingOutputConfig"],
            role_arn=request["RoleArn"],
            tags=[],
            stopping_condition=request["StoppingCondition"],
        )


if __name__ == "__main__":
    fill(int(sys.argv[2]), Path(sys.argv[3]).read_text())
    main(["--host", "127.0.0.1", "--port", sys.argv[1]])
