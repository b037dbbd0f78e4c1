"""PySparkProcessor of both generations of the SageMaker Python SDK on the stand-in for AWS's Spark image, offline."""

import csv
import io
import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from processing_emulator.images.builder import build
from tests.e2e.clients.conftest import PROGRAMS, IsolatedClients, python_of
from tests.e2e.clients.isolated_network import FinishedProcess, end, finish
from tests.e2e.server import EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

IMAGE = "processing-emulator/spark:3.5"
ROWS = 1_000_000
FILES = 6
JOB_SECONDS = 420.0
"""Several times the duration on an idle machine."""


@pytest.fixture(scope="module")
def sums(clients: IsolatedClients) -> Sequence[tuple[int, ...]]:
    """Upload a million rows in six files; returns what the application must compute: part, rows, price, last, twice."""
    engine = docker.from_env(timeout=600)
    build(engine, "spark")
    engine.close()
    s3 = clients.server.client("s3")
    s3.create_bucket(Bucket="spark")
    choose = random.Random(11)
    totals: dict[int, tuple[int, int, int]] = {}
    for number in range(FILES):
        text = io.StringIO()
        for row in range(number, ROWS, FILES):
            part, price = choose.randrange(40), choose.randrange(10_000)
            text.write(f"{row},{part},{price}\n")
            count, total, last = totals.get(part, (0, 0, 0))
            totals[part] = (count + 1, total + price, max(last, row))
        s3.put_object(Bucket="spark", Key=f"rows/{number}.csv", Body=text.getvalue().encode())
    return [(part, *totals[part], 2 * totals[part][1]) for part in sorted(totals)]


def run_spark(
    clients: IsolatedClients, folder: Path, generation: str, job: str, hosts: int, *arguments: str
) -> FinishedProcess:
    home = folder / job
    home.mkdir()
    for name in ("spark_app.py", "spark_helper.py"):
        shutil.copy(PROGRAMS / name, home)
    command = [python_of(f"sagemaker-{generation}"), str(PROGRAMS / "sagemaker_spark.py"), job, str(hosts)]
    with ExitStack() as stack:
        started = clients.start(home, *command, "s3://spark/rows/", f"s3a://spark/{job}/", *arguments)
        stack.callback(end, started)
        return finish(started, folder=home, timeout_seconds=JOB_SECONDS)


def result_of(server: EmulatorProcess, job: str) -> Sequence[tuple[int, ...]]:
    s3 = server.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="spark", Prefix=f"{job}/").get("Contents", [])]
    assert f"{job}/_SUCCESS" in keys
    text = "".join(
        s3.get_object(Bucket="spark", Key=key)["Body"].read().decode() for key in keys if key.endswith(".csv")
    )
    return [tuple(int(cell) for cell in row) for row in csv.reader(io.StringIO(text))]


def event_log_name(server: EmulatorProcess, job: str) -> str:
    """The job's only event log, in the output that the SDK has declared: named after the application."""
    (item,) = server.client("s3").list_objects_v2(Bucket="spark", Prefix=f"event-logs/{job}/")["Contents"]
    return str(item["Key"]).removeprefix(f"event-logs/{job}/")


def event_log_of(server: EmulatorProcess, job: str) -> Sequence[Mapping[str, Any]]:
    name = event_log_name(server, job)
    assert not name.endswith(".inprogress")
    text = server.client("s3").get_object(Bucket="spark", Key=f"event-logs/{job}/{name}")["Body"].read().decode()
    return [json.loads(line) for line in text.splitlines()]


@contextmanager
def history_server(server: EmulatorProcess, event_logs: str) -> Iterator[Callable[[str], str]]:
    """Spark's history server of the image; yields what gives one of its pages, or "" while it does not answer."""
    environment = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "emulator",
    }
    engine = docker.from_env(timeout=120)
    container = engine.containers.create(
        IMAGE, ["--event-logs-s3-uri", event_logs], entrypoint=["smspark-history-server"], environment=environment
    )

    def page(path: str) -> str:
        read = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1{path}', timeout=60).read().decode())"
        code, output = container.exec_run(["python3", "-c", read], stderr=False)
        assert isinstance(output, bytes)
        return output.decode() if code == 0 else ""

    try:
        container.start()
        yield page
    finally:
        container.remove(force=True, v=True)
        engine.close()


@pytest.mark.parametrize(("generation", "hosts"), [("2", 3), ("3", 2)])
def test_a_million_rows_are_computed_on_every_host(
    clients: IsolatedClients, sums: Sequence[tuple[int, ...]], tmp_path: Path, generation: str, hosts: int
) -> None:
    job = f"spark-{generation}"
    finished = run_spark(clients, tmp_path, generation, job, hosts)
    assert finished.code == 0, finished
    assert result_of(clients.server, job) == sums
    events = event_log_of(clients.server, job)
    names = {f"algo-{number}" for number in range(1, hosts + 1)}
    executors = [event["Executor Info"]["Host"] for event in events if event["Event"] == "SparkListenerExecutorAdded"]
    assert set(executors) == names
    assert {event["Task Info"]["Host"] for event in events if event["Event"] == "SparkListenerTaskEnd"} == names
    assert any(event["Event"] == "SparkListenerApplicationEnd" for event in events)
    assert "executors get 900m" in finished.stdout
    assert "ml.t3.medium has 2 cores and 4096 MiB, this container may use " in finished.stdout
    described = clients.server.describe(job)
    assert described["ProcessingJobStatus"] == "Completed"
    assert (
        ".dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu-py312-v1"
        in (described["AppSpecification"]["ImageUri"])
    )

    if generation == "3":
        application = event_log_name(clients.server, job)
        with history_server(clients.server, f"s3://spark/event-logs/{job}") as page:
            wait_for("the application", lambda: application in page("/proxy/15050/api/v1/applications"), JOB_SECONDS)
            assert "/proxy/15050/static/" in page(":15050/")
            assert "Completed Jobs" in page(f"/proxy/15050/history/{application}"), "the redirect stays below the path"


def test_failing_application_fails_the_job_in_the_words_of_the_aws_image(
    clients: IsolatedClients, sums: Sequence[tuple[int, ...]], tmp_path: Path
) -> None:
    finished = run_spark(clients, tmp_path, "2", "spark-failing", 1, "no such price list")
    assert finished.code == 1
    described = clients.server.describe("spark-failing")
    assert described["ProcessingJobStatus"] == "Failed"
    assert "AlgorithmError:" in described["FailureReason"]
    assert described["FailureReason"].endswith(", exit code: 1")
    assert "Algorithm Error: (caused by CalledProcessError)" in described["ExitMessage"]
    assert "returned non-zero exit status 1" in described["ExitMessage"]
    assert "ValueError: no such price list" in finished.stdout
