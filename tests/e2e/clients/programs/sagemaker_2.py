"""A user's program with the SageMaker Python SDK v2: runs a processor and waits for it with logs.

Usage: sagemaker_2.py KIND[:VERSION] IMAGE JOB-NAME SCRIPT-ARGUMENT...        (in a folder with work.py and data/)
"""

import sys
from typing import Any

from sagemaker.network import NetworkConfig
from sagemaker.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.sklearn import SKLearn, SKLearnProcessor
from sagemaker.xgboost import XGBoostProcessor


def main(kind_and_version: str, image: str, job_name: str, *arguments: str) -> None:
    kind, _, version = kind_and_version.partition(":")
    data = [
        ProcessingInput(source="data", destination="/opt/ml/processing/data/local", input_name="local"),
        ProcessingInput(source="s3://shared/more/", destination="/opt/ml/processing/data/s3", input_name="s3"),
    ]
    code = ProcessingInput(source="work.py", destination="/opt/ml/processing/code", input_name="program")
    result = [ProcessingOutput(source="/opt/ml/processing/result", output_name="result")]
    cluster: dict[str, Any] = {"instance_count": 1, "instance_type": "ml.t3.medium"}
    run: dict[str, Any] = {
        "outputs": result,
        "arguments": list(arguments) or None,
        "job_name": job_name,
        "wait": True,
        "logs": True,
    }
    if kind == "Processor":
        command = ["python3", "/opt/ml/processing/code/work.py"]
        Processor(image_uri=image, entrypoint=command, **cluster).run(inputs=[*data, code], **run)
    elif kind == "ScriptProcessor":
        ScriptProcessor(image_uri=image, command=["python3"], **cluster).run(code="work.py", inputs=data, **run)
    elif kind == "SKLearnProcessor":
        SKLearnProcessor(framework_version=version, **cluster).run(code="work.py", inputs=data, **run)
    elif kind == "XGBoostProcessor":
        XGBoostProcessor(framework_version=version, **cluster).run(
            code="work.py", source_dir="source", inputs=data, **run
        )
    elif kind == "FrameworkProcessor":
        cluster |= {"network_config": NetworkConfig(enable_network_isolation=True), "env": {"PIP_RETRIES": "0"}}
        processor = FrameworkProcessor(estimator_cls=SKLearn, framework_version=version, **cluster)
        processor.run(code="work.py", source_dir="source", inputs=data, **run)


main(*sys.argv[1:])
