"""A processing job through boto3: real data, real container, real outputs (numbers: spec section 9)."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

import docker
import pytest

from tests.builders import IMAGE, a_request, an_input, an_output
from tests.e2e.conftest import leftovers
from tests.e2e.server import RUN_CODE, EmulatorProcess

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


@pytest.fixture
def image_with_command() -> Iterator[str]:
    """The test image with a CMD."""
    name = f"processing-emulator/test-command:{uuid4().hex[:12]}"
    engine = docker.from_env()
    try:
        container = engine.containers.create(IMAGE, ["true"])
        try:
            container.commit(*name.split(":"), changes=['CMD ["from", "the", "image"]'])
        finally:
            container.remove(v=True)
        yield name
        engine.images.remove(name)
    finally:
        engine.close()


def _put(server: EmulatorProcess, **objects: bytes | str) -> None:
    s3 = server.client("s3")
    for key, body in objects.items():
        s3.put_object(Bucket="bkt", Key=key, Body=body)


def _objects(server: EmulatorProcess, prefix: str) -> dict[str, bytes]:
    s3 = server.client("s3")
    listed = s3.list_objects_v2(Bucket="bkt", Prefix=prefix).get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket="bkt", Key=item["Key"])["Body"].read() for item in listed}


def _run(server: EmulatorProcess, name: str, script: str, **changes: Any) -> dict[str, Any]:
    """Run a shell script as a job; returns its description once it has ended."""
    request = a_request(name, entrypoint=["sh", "-c", script], **changes)
    server.client("sagemaker").create_processing_job(**request)
    return server.wait_for_end(name)


def test_stages_runs_and_uploads(server: EmulatorProcess) -> None:
    _put(server, **{"flow/in/a.csv": b"1\n", "flow/in/deep/b.csv": b"2\n"})
    script = (
        "cd /opt/ml/processing; cat input/a.csv input/deep/b.csv > output/sum.csv; mkdir output/d; echo x > output/d/y"
    )
    inputs, outputs = [an_input(uri="s3://bkt/flow/in/")], [an_output(uri="s3://bkt/flow/out")]
    answer = _run(server, "flow", script, inputs=inputs, outputs=outputs)
    assert answer["ProcessingJobStatus"] == "Completed", answer.get("FailureReason")
    assert _objects(server, "flow/out") == {"flow/out/sum.csv": b"1\n2\n", "flow/out/d/y": b"x\n"}
    assert answer["CreationTime"] <= answer["ProcessingStartTime"] <= answer["ProcessingEndTime"]
    assert leftovers(server) == []


def test_09_output_folders_exist_and_are_empty_at_the_start(server: EmulatorProcess) -> None:
    outputs = [an_output("one", path="/opt/ml/processing/one"), an_output("two", path="/opt/ml/processing/deep/two")]
    script = 'test -z "$(ls -A /opt/ml/processing/one)" && test -z "$(ls -A /opt/ml/processing/deep/two)"'
    assert _run(server, "folders", script, outputs=outputs)["ProcessingJobStatus"] == "Completed"


def test_11_12_config_files(server: EmulatorProcess) -> None:
    script = (
        "cat /opt/ml/config/resourceconfig.json; echo; cat /opt/ml/config/processingjobconfig.json; echo; ls /opt/ml"
    )
    assert _run(server, "Config-Files", script)["ProcessingJobStatus"] == "Completed"
    resource, job, *folders = server.log_lines("Config-Files")
    assert resource == '{"current_host":"algo-1","hosts":["algo-1"]}'
    assert json.loads(job)["ProcessingJobArn"].endswith("/config-files")
    assert "Environment" not in json.loads(job)
    assert folders == ["config", "output"]


def test_18_nested_local_path(server: EmulatorProcess) -> None:
    _put(server, **{"nest/data.csv": b"d", "nest-code/p.py": b"print('hi')"})
    inputs = [
        an_input("data", "s3://bkt/nest/data.csv", "/opt/ml/processing/input"),
        an_input("code", "s3://bkt/nest-code/p.py", "/opt/ml/processing/input/code/"),
    ]
    request = a_request("nested", entrypoint=["python3", "/opt/ml/processing/input/code/p.py"], inputs=inputs)
    server.client("sagemaker").create_processing_job(**request)
    assert server.wait_for_end("nested")["ProcessingJobStatus"] == "Completed"
    assert server.log_lines("nested") == ["hi"]


def test_13_input_prefix_is_a_plain_key_prefix(server: EmulatorProcess) -> None:
    _put(server, **{"px/pre.csv": b"1", "px/prefix.csv": b"2", "px/other.csv": b"3"})
    answer = _run(server, "prefix", "ls /opt/ml/processing/input", inputs=[an_input(uri="s3://bkt/px/pre")])
    assert answer["ProcessingJobStatus"] == "Completed"
    assert server.log_lines("prefix") == ["pre.csv", "prefix.csv"]


def test_06_08_failed_job_has_a_reason_and_uploads_its_outputs(server: EmulatorProcess) -> None:
    script = "echo partial > /opt/ml/processing/output/p; printf x > /opt/ml/output/message; exit 3"
    answer = _run(server, "fails", script, outputs=[an_output(uri="s3://bkt/fails")])
    assert answer["ProcessingJobStatus"] == "Failed"
    assert answer["FailureReason"] == "AlgorithmError: x, exit code: 3"
    assert answer["ExitMessage"] == "x"
    assert _objects(server, "fails") == {"fails/p": b"partial\n"}
    stored_at = server.client("s3").head_object(Bucket="bkt", Key="fails/p")["LastModified"]
    assert stored_at <= answer["ProcessingEndTime"]


def test_06_failed_job_without_a_message(server: EmulatorProcess) -> None:
    answer = _run(server, "fails-plain", "exit 3")
    assert answer["FailureReason"] == "AlgorithmError: , exit code: 3"
    assert "ExitMessage" not in answer


def test_07_completed_job_with_an_exit_message(server: EmulatorProcess) -> None:
    answer = _run(server, "message", "printf done > /opt/ml/output/message")
    assert (answer["ProcessingJobStatus"], answer["ExitMessage"]) == ("Completed", "done")


def test_10_entrypoint_without_arguments_ignores_the_image_s_cmd(
    server: EmulatorProcess, image_with_command: str
) -> None:
    entrypoint = ["python3", "-c", "import sys; print(sys.argv[1:])"]
    request = a_request("entrypoint-only", image=image_with_command, entrypoint=entrypoint)
    server.client("sagemaker").create_processing_job(**request)
    assert server.wait_for_end("entrypoint-only")["ProcessingJobStatus"] == "Completed"
    assert server.log_lines("entrypoint-only") == ["[]"]


def test_arguments_without_an_entrypoint_replace_the_image_s_cmd(server: EmulatorProcess) -> None:
    request = a_request("arguments-only", arguments=["python3", "-c", "print('from arguments')"])
    server.client("sagemaker").create_processing_job(**request)
    assert server.wait_for_end("arguments-only")["ProcessingJobStatus"] == "Completed"
    assert server.log_lines("arguments-only") == ["from arguments"]


def test_environment_of_the_container(server: EmulatorProcess) -> None:
    script = 'echo "$K|$AWS_REGION|${AWS_DEFAULT_REGION-unset}"'
    _run(server, "environment", script, Environment={"K": "V \n'$x"})
    assert "\n".join(server.log_lines("environment")) == "V \n'$x|us-east-1|unset"


def test_container_reaches_the_same_store(server: EmulatorProcess) -> None:
    _put(server, **{"inside/object": b"seen from inside"})
    script = (
        "import os,urllib.request;"
        "print(urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/bkt/inside/object').read().decode())"
    )
    request = a_request("inside", entrypoint=["python3", "-c", script])
    server.client("sagemaker").create_processing_job(**request)
    answer = server.wait_for_end("inside")
    assert server.log_lines("inside") == ["seen from inside"], answer


def test_20_network_isolation(server: EmulatorProcess) -> None:
    _put(server, **{"isolated/in": b"data"})
    script = (
        "env | grep -c AWS_ENDPOINT; env | grep -c AWS_ACCESS; tail -n +3 /proc/net/dev | grep -vc ' lo:';"
        " grep -c algo-1 /etc/hosts; cp /opt/ml/processing/input/in /opt/ml/processing/output/out"
    )
    answer = _run(
        server,
        "isolated",
        script,
        inputs=[an_input(uri="s3://bkt/isolated/in")],
        outputs=[an_output(uri="s3://bkt/isolated/out")],
        NetworkConfig={"EnableNetworkIsolation": True},
    )
    assert answer["ProcessingJobStatus"] == "Completed"
    assert server.log_lines("isolated") == ["0", "0", "0", "1"]
    assert _objects(server, "isolated/out") == {"isolated/out/out": b"data"}


def test_output_skips_links_devices_and_pipes(server: EmulatorProcess) -> None:
    script = (
        "cd /opt/ml/processing/output; echo ok > file; ln -s /etc/passwd link; ln -s / root; mkfifo pipe;"
        " mknod device c 1 3; ln file hard; truncate -s 1M sparse"
    )
    answer = _run(server, "odd-files", script, outputs=[an_output(uri="s3://bkt/odd")])
    assert answer["ProcessingJobStatus"] == "Completed"
    uploaded = _objects(server, "odd/")
    assert sorted(uploaded) == ["odd/file", "odd/hard", "odd/sparse"]
    assert uploaded["odd/sparse"] == bytes(1 << 20)
    events = {event["action"]: event["detail"] for event in server.control("jobs/odd-files")["events"]}
    assert events["staged_out"]["skipped"] == [
        f"/opt/ml/processing/output/{name}" for name in ("device", "link", "pipe", "root")
    ]


def test_instance_type_limits_the_container(server: EmulatorProcess) -> None:
    script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; df -k /dev/shm | tail -1"
    _run(server, "limits", script)
    limit, shm = (line for line in server.log_lines("limits") if not line.startswith("cat:"))
    assert int(limit) == 4 * 1024**3
    assert int(shm.split()[1]) == 2 * 1024**2
    limits = server.control("jobs/limits")["instances"][0]["limits"]
    assert (limits["vcpus"], limits["memoryBytes"], limits["capped"]) == (2, 4 * 1024**3, False)


BURN = """
import json, multiprocessing, os, time
began = time.time()
def burn():
    while time.time() < began + 6: pass
held = bytearray(os.urandom(1 << 20)) * 300
with open("/opt/ml/processing/output/x", "wb") as file:
    for _ in range(200): file.write(held[:1 << 20])
other = multiprocessing.Process(target=burn)
other.start(); burn(); other.join()
times = os.times()
used = times.user + times.system + times.children_user + times.children_system
print(json.dumps({"cpu": 100 * used / (time.time() - began)}))
"""
"""Two cores for six seconds, 300 MiB of memory and 200 MiB on disk; prints the CPU time that it got."""


def test_21_what_a_container_uses_is_in_cloudwatch_by_all_protocols(server: EmulatorProcess) -> None:
    server.client("s3").create_bucket(Bucket="burnt")
    request = a_request(
        "busy",
        entrypoint=RUN_CODE,
        inputs=[server.stage_code("busy", BURN)],
        outputs=[an_output(uri="s3://burnt/out")],
    )
    server.client("sagemaker").create_processing_job(**request)
    assert server.wait_for_end("busy")["ProcessingJobStatus"] == "Completed"
    cpu = json.loads(server.log_lines("busy")[0])["cpu"]

    peaks = server.control("jobs/busy")["instances"][0]["peaks"]
    found = server.client("cloudwatch").get_metric_statistics(**_busy("CPUUtilization"))["Datapoints"][0]
    # Samples begin with the container, whose interpreter starts first.
    assert found["Average"] == pytest.approx(cpu, rel=0.15)
    assert cpu * 0.95 < found["Maximum"] < 215
    assert (peaks["cpuPercent"], peaks["samples"]) == (pytest.approx(found["Maximum"]), found["SampleCount"])
    memory = server.client("cloudwatch").get_metric_statistics(**_busy("MemoryUtilization"))["Datapoints"][0]
    assert memory["Maximum"] * 4096 / 100 == pytest.approx(310, rel=0.1)
    disk = server.client("cloudwatch").get_metric_statistics(**_busy("DiskUtilization"))["Datapoints"][0]
    assert disk["Maximum"] * 1024 / 100 == pytest.approx(200, rel=0.05)
    assert peaks["memoryBytes"] <= peaks["memoryHighWaterBytes"]
    sizing = server.control("jobs/busy")["rightSizing"]
    assert sizing["instanceType"] == "ml.t3.medium"
    assert sizing["needs"]["memoryBytes"] == ceil(peaks["memoryBytes"] * 1.25)
    assert sizing["costs"][0]["usd"] == pytest.approx(0.05 * sizing["billedSeconds"] / 3600, abs=1e-6)
    assert _average_by_query(server) == _average_by_json(server) == pytest.approx(found["Average"])
    scraped = urlopen(f"{server.url}/_emulator/metrics").read().decode()
    assert 'processing_emulator_operation_seconds_count{operation="GetMetricStatistics"' in scraped
    assert 'processing_emulator_staged_bytes_total{direction="out"}' in scraped


def _busy(name: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "Namespace": "/aws/sagemaker/ProcessingJobs",
        "MetricName": name,
        "Dimensions": [{"Name": "Host", "Value": "busy/algo-1"}],
        "StartTime": now - timedelta(minutes=5),
        "EndTime": now + timedelta(minutes=1),
        "Period": 600,
        "Statistics": ["Average", "Maximum", "SampleCount"],
    }


def _average_by_query(server: EmulatorProcess) -> float:
    """As botocore 1.34 and the AWS CLI of that time sent it."""
    asked = _busy("CPUUtilization")
    form = {
        "Action": "GetMetricStatistics",
        "Version": "2010-08-01",
        "Namespace": asked["Namespace"],
        "MetricName": asked["MetricName"],
        "Dimensions.member.1.Name": "Host",
        "Dimensions.member.1.Value": "busy/algo-1",
        "StartTime": asked["StartTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "EndTime": asked["EndTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Period": "600",
        "Statistics.member.1": "Average",
    }
    body = urlopen(Request(server.url, urlencode(form).encode())).read()
    return float(re.findall(rb"<Average>([^<]+)</Average>", body)[0])


def _average_by_json(server: EmulatorProcess) -> float:
    asked = {
        name: value.timestamp() if isinstance(value, datetime) else value
        for name, value in _busy("CPUUtilization").items()
    }
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "GraniteServiceVersion20100801.GetMetricStatistics",
    }
    answer = json.load(urlopen(Request(server.url, json.dumps(asked).encode(), headers)))
    return float(answer["Datapoints"][0]["Average"])


def test_job_without_inputs_outputs_and_entrypoint(server: EmulatorProcess) -> None:
    server.client("sagemaker").create_processing_job(**a_request("plain", image=IMAGE, arguments=["true"]))
    answer = server.wait_for_end("plain")
    assert answer["ProcessingJobStatus"] == "Completed"
    assert "ProcessingOutputConfig" not in answer
    assert answer["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_03_waiter_returns_when_the_job_completes(server: EmulatorProcess) -> None:
    sagemaker = server.client("sagemaker")
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    sagemaker.create_processing_job(**a_request("waited", arguments=["true"]))
    waiter.wait(ProcessingJobName="waited", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert server.describe("waited")["ProcessingJobStatus"] == "Completed"
