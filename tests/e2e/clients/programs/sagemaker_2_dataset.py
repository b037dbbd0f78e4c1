"""A user's program with the SageMaker Python SDK v2: a job whose input is the result of an Athena query.

Usage: sagemaker_2_dataset.py IMAGE JOB-NAME QUERY
"""

import sys

from sagemaker.dataset_definition.inputs import AthenaDatasetDefinition, DatasetDefinition
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor

COPY = "cp -r /opt/ml/processing/joined/. /opt/ml/processing/result"


def main(image: str, job_name: str, query: str) -> None:
    dataset = DatasetDefinition(
        local_path="/opt/ml/processing/joined",
        data_distribution_type="FullyReplicated",
        input_mode="File",
        athena_dataset_definition=AthenaDatasetDefinition(
            catalog="AwsDataCatalog",
            database="shop",
            query_string=query,
            output_s3_uri="s3://warehouse/athena/",
            output_format="PARQUET",
            output_compression="SNAPPY",
        ),
    )
    Processor(image_uri=image, entrypoint=["sh", "-c", COPY], instance_count=1, instance_type="ml.t3.medium").run(
        inputs=[ProcessingInput(input_name="joined", dataset_definition=dataset)],
        outputs=[
            ProcessingOutput(
                source="/opt/ml/processing/result", output_name="result", destination="s3://warehouse/result"
            )
        ],
        job_name=job_name,
        wait=True,
    )


main(*sys.argv[1:])
