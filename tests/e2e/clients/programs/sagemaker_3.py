"""A user's program with the SageMaker Python SDK v3: runs a processor and waits for it with logs.

v3 has no SKLearnProcessor; a ScriptProcessor with the framework's image replaces it. `Resource` starts a job without
waiting, and then waits with v3's ProcessingJob resource.

Usage: sagemaker_3.py KIND[:VERSION] IMAGE JOB-NAME SCRIPT-ARGUMENT...        (in a folder with work.py and data/)
"""

import logging
import sys
from typing import Any

from sagemaker.core import image_uris
from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import FrameworkProcessor, Processor, ScriptProcessor
from sagemaker.core.resources import ProcessingJob
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output


def an_input(name: str, uri: str, path: str) -> ProcessingInput:
    s3_input = ProcessingS3Input(s3_uri=uri, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=s3_input)


def main(kind_and_version: str, image: str, job_name: str, *arguments: str) -> None:
    kind, _, version = kind_and_version.partition(":")
    data = [
        an_input("local", "data", "/opt/ml/processing/data/local"),
        an_input("s3", "s3://shared/more/", "/opt/ml/processing/data/s3"),
    ]
    code = an_input("program", "work.py", "/opt/ml/processing/code")
    place = ProcessingS3Output(s3_uri="", local_path="/opt/ml/processing/result", s3_upload_mode="EndOfJob")
    result = [ProcessingOutput(output_name="result", s3_output=place)]
    cluster: dict[str, Any] = {"instance_count": 1, "instance_type": "ml.t3.medium"}
    run: dict[str, Any] = {
        "outputs": result,
        "arguments": list(arguments) or None,
        "job_name": job_name,
        "wait": True,
        "logs": True,
    }
    sklearn = image_uris.retrieve(
        "sklearn", region="us-east-1", version=version or "1.2-1", py_version="py3", instance_type="ml.t3.medium"
    )
    if kind == "Processor":
        command = ["python3", "/opt/ml/processing/code/work.py"]
        Processor(image_uri=image, entrypoint=command, **cluster).run(inputs=[*data, code], **run)
    elif kind == "ScriptProcessor":
        ScriptProcessor(image_uri=image, command=["python3"], **cluster).run(code="work.py", inputs=data, **run)
    elif kind == "SKLearnProcessor":
        ScriptProcessor(image_uri=sklearn, command=["python3"], **cluster).run(code="work.py", inputs=data, **run)
    elif kind == "Resource":
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)  # the resource logs its output
        run |= {"wait": False, "logs": False}
        ScriptProcessor(image_uri=image, command=["python3"], **cluster).run(code="work.py", inputs=data, **run)
        ProcessingJob.get(job_name).wait(logs=True)
    elif kind == "FrameworkProcessor":
        cluster |= {"network_config": NetworkConfig(enable_network_isolation=True), "env": {"PIP_RETRIES": "0"}}
        processor = FrameworkProcessor(image_uri=sklearn, **cluster)
        processor.run(code="work.py", source_dir="source", inputs=data, **run)


main(*sys.argv[1:])
