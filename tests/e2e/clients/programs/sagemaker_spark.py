"""A user's program with the SageMaker Python SDK, v2 or v3: runs a PySparkProcessor and waits for it with logs.

Usage: sagemaker_spark.py JOB-NAME HOSTS APPLICATION-ARGUMENT...    (in a folder with spark_app.py and spark_helper.py)
"""

import sys

try:
    from sagemaker.spark.processing import PySparkProcessor
except ImportError:
    from sagemaker.core.spark.processing import PySparkProcessor

SETTINGS = {"spark.executor.memory": "900m", "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s"}


def main(job_name: str, hosts: str, *arguments: str) -> None:
    processor = PySparkProcessor(
        framework_version="3.5",
        py_version="py312",
        container_version="1",
        instance_type="ml.t3.medium",
        instance_count=int(hosts),
        max_runtime_in_seconds=600,
    )
    processor.run(
        submit_app="spark_app.py",
        submit_py_files=["spark_helper.py"],
        arguments=list(arguments),
        configuration=[{"Classification": "spark-defaults", "Properties": SETTINGS}],
        spark_event_logs_s3_uri=f"s3://spark/event-logs/{job_name}",
        job_name=job_name,
        wait=True,
        logs=True,
    )


main(*sys.argv[1:])
