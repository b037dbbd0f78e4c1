"""examples/flights/run.py as a process, against a server that stores objects and plays two scripted jobs."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.unit.examples.job_script import Moment, PlayHandler, PlayServer, Script, event, instance, listening, phase

RUN = Path(__file__).parents[3] / "examples" / "flights" / "run.py"
EVALUATION = {
    "accuracy": 0.9021,
    "majority_class_accuracy": 0.7605,
    "departure_rule_accuracy": 0.8931,
    "precision": 0.8894,
    "recall": 0.675,
    "f1": 0.7675,
    "rows": {"train": 262242, "test": 65104},
    "seconds": {"total": 5.0, "train": 4.0},
}
COMPLETED = (event(0, "created"), phase(0.5, "Running"), phase(1, "StagingOut"), phase(1.5, "Completed"))
FAILED = (event(0, "created"), phase(0.5, "Running"), phase(1, "StagingOut"), phase(1.5, "Failed"))


def a_script(**changes: Any) -> Script:
    """A job that runs, prints two lines and completes."""
    running = Moment(events=COMPLETED[:2], instances=[instance()], lines={"algo-1": 1})
    end = Moment(status="Completed", events=COMPLETED, instances=[instance(logLines=2)], lines={"algo-1": 2})
    return Script(**{"moments": [running, running, end], "output": {"algo-1": ["first", "second"]}, **changes})


class Service(PlayServer):
    """Keeps buckets and objects in memory; every new job plays the next script."""

    def __init__(self, scripts: list[Script], evaluation: Mapping[str, Any], *, watchable: bool = True) -> None:
        super().__init__(Script(moments=[]), ServiceHandler)
        self.scripts = list(scripts)
        self.evaluation = evaluation
        self.watchable = watchable
        self.buckets: set[str] = set()
        self.objects: dict[str, int] = {}
        self.requests: list[dict[str, Any]] = []


class ServiceHandler(PlayHandler):
    """The S3 and SageMaker operations that the example uses."""

    server: Service

    def do_HEAD(self) -> None:  # noqa: N802
        self.answer(200 if self.path.strip("/") in self.server.buckets else 404, b"")

    def do_PUT(self) -> None:  # noqa: N802
        size = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        bucket, _, key = self.path.strip("/").partition("/")
        if key:
            self.server.objects[f"{bucket}/{key}"] = size
        else:
            self.server.buckets.add(bucket)
        self.answer(200, b"")

    def do_GET(self) -> None:  # noqa: N802
        if self.path.endswith("/evaluation.json"):
            self.answer_json(self.server.evaluation)
        elif self.server.watchable:
            super().do_GET()
        else:
            self.answer(404, b"")

    def do_POST(self) -> None:  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = body["ProcessingJobName"]
        if self.headers["X-Amz-Target"] == "SageMaker.CreateProcessingJob":
            self.server.requests.append(body)
            self.server.script = self.server.scripts.pop(0)
            self.answer_json({"ProcessingJobArn": f"arn:aws:sagemaker:us-east-1:000000000000:processing-job/{name}"})
            return
        if not self.server.watchable:
            self.server.script.job(name)
        now = self.server.script.now
        reason = {"FailureReason": now.failure_reason} if now.failure_reason else {}
        self.answer_json({"ProcessingJobName": name, "ProcessingJobStatus": now.status, **reason})


def run_example(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start run.py as a user does, without this machine's AWS settings."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.run(
        [sys.executable, str(RUN), *arguments],
        env={**clean, **keys, "AWS_MAX_ATTEMPTS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_against(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    with listening(service):
        return run_example(*arguments, AWS_ENDPOINT_URL=service.url)


def test_exits_0_when_both_jobs_completed_and_the_model_beats_the_majority_class() -> None:
    service = Service([a_script(), a_script()], EVALUATION)
    done = run_against(service)
    assert (done.returncode, done.stderr) == (0, "")
    assert service.buckets == {"flights-demo"}
    assert sorted(service.objects) == [
        "flights-demo/code/clean.py",
        "flights-demo/code/train.py",
        "flights-demo/data/flights/flights.csv.zip",
        "flights-demo/data/reference/airlines.csv",
        "flights-demo/data/reference/airports.csv",
        "flights-demo/data/reference/planes.csv",
        "flights-demo/data/weather/weather.csv",
    ]
    assert service.objects["flights-demo/data/flights/flights.csv.zip"] > 8_000_000


def test_second_job_reads_what_the_first_one_wrote() -> None:
    service = Service([a_script(), a_script()], EVALUATION)
    run_against(service)
    clean, train = service.requests
    written = {o["OutputName"]: o["S3Output"]["S3Uri"] for o in clean["ProcessingOutputConfig"]["Outputs"]}
    read = {i["InputName"]: i["S3Input"]["S3Uri"] for i in train["ProcessingInputs"]}
    assert set(written) == {"train", "test", "report"}
    assert {name: read[name] for name in ("train", "test")} == {name: f"{written[name]}/" for name in ("train", "test")}


def test_prints_each_log_line_once_as_plain_text() -> None:
    shown = run_against(Service([a_script(), a_script()], EVALUATION)).stdout
    assert [line for line in shown.splitlines() if line.startswith("algo-1 |")] == [
        "algo-1 | first",
        "algo-1 | second",
    ] * 2
    assert "accuracy         0.9021" in shown
    assert "\033" not in shown
    assert "\r" not in shown


def test_options_change_bucket_image_and_instance_type() -> None:
    service = Service([a_script(), a_script()], EVALUATION)
    with listening(service):
        run_example(
            *("--endpoint-url", service.url, "--bucket", "mine", "--image", "img:1", "--instance-type", "ml.m5.xlarge")
        )
    assert service.buckets == {"mine"}
    assert [request["AppSpecification"]["ImageUri"] for request in service.requests] == ["img:1", "img:1"]
    assert [r["ProcessingResources"]["ClusterConfig"]["InstanceType"] for r in service.requests] == ["ml.m5.xlarge"] * 2


def test_exits_1_with_the_reason_when_a_job_fails() -> None:
    reason = "AlgorithmError: , exit code: 3"
    end = Moment(status="Failed", events=FAILED, instances=[instance()], failure_reason=reason)
    service = Service([a_script(moments=[end])], EVALUATION)
    done = run_against(service)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith(f" is Failed: {reason}")
    assert len(service.requests) == 1


def test_exits_1_when_a_job_was_stopped() -> None:
    end = Moment(status="Stopped", events=[event(0, "created"), phase(1, "Stopped")])
    done = run_against(Service([a_script(moments=[end])], EVALUATION))
    assert (done.returncode, " is Stopped: " in done.stdout) == (1, True)


def test_exits_1_when_the_model_is_no_better_than_the_majority_class() -> None:
    done = run_against(Service([a_script(), a_script()], {**EVALUATION, "accuracy": 0.7605}))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "The model is no better than guessing the majority class."


def test_runs_without_the_emulator_s_endpoints() -> None:
    service = Service([a_script(), a_script()], EVALUATION, watchable=False)
    done = run_against(service)
    assert done.returncode == 0
    assert "algo-1" not in done.stdout
    assert done.stdout.count("  InProgress\n") == 2


def test_refuses_to_run_without_an_endpoint() -> None:
    done = run_example()
    assert done.returncode == 2
    assert done.stderr.endswith('no endpoint: run eval "$(processing-emulator env)" first, or give --endpoint-url\n')


def test_reports_an_endpoint_that_does_not_answer() -> None:
    with listening(Service([], EVALUATION)) as service:
        url = service.url
    done = run_example("--endpoint-url", url)
    assert (done.returncode, done.stderr) == (1, "")
    assert "Could not connect to the endpoint URL" in done.stdout.splitlines()[-1]
