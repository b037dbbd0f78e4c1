"""The server is killed while jobs run, wait or stop; after a restart the jobs finish."""

import docker
import psutil
import pytest

from tests.builders import a_request, an_input, an_output
from tests.e2e.conftest import emulator_id, leftovers
from tests.e2e.server import RUN_CODE, EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

COUNTING = """
import sys, time
for number in range(3000):
    print(f"line {number}", file=sys.stderr if number % 7 == 0 else sys.stdout, flush=True)
    time.sleep(0.001)
open("/opt/ml/processing/output/done", "w").write("all of it")
"""


def _start_counting(server: EmulatorProcess, name: str) -> None:
    code = server.stage_code(name, COUNTING)
    outputs = [an_output(uri=f"s3://bkt/{name}")]
    request = a_request(name, entrypoint=RUN_CODE, inputs=[code], outputs=outputs)
    server.client("sagemaker").create_processing_job(**request)


def _bucket(server: EmulatorProcess) -> None:
    server.client("s3").create_bucket(Bucket="bkt")


def test_job_survives_a_kill_of_the_server_with_every_line_once(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    _bucket(server)
    _start_counting(server, "killed")
    wait_for("some lines", lambda: len(server.log_lines("killed")) > 200 or None)
    server.kill()
    server.start()
    answer = server.wait_for_end("killed")
    assert answer["ProcessingJobStatus"] == "Completed", answer
    numbers = [int(line.removeprefix("line ")) for line in server.log_lines("killed")]
    assert len(numbers) == 3000
    assert sorted(numbers) == list(range(3000))
    body = server.client("s3").get_object(Bucket="bkt", Key="killed/done")["Body"].read()
    assert body == b"all of it"
    assert leftovers(server) == []
    assert server.stop() == 0


def test_job_whose_container_exited_while_the_server_was_down_completes(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    _bucket(server)
    _start_counting(server, "ended")
    server.wait_for_phase("ended", "Running")
    server.kill()
    engine = docker.from_env()
    label = f"processing-emulator.id={emulator_id(server)}"
    exited: dict[str, str | list[str] | bool] = {"label": label, "status": "exited"}
    wait_for("the container to exit", lambda: engine.containers.list(all=True, filters=exited) or None)
    engine.close()
    server.start()
    assert server.wait_for_end("ended")["ProcessingJobStatus"] == "Completed"
    assert len(server.log_lines("ended")) == 3000
    assert server.client("s3").get_object(Bucket="bkt", Key="ended/done")["Body"].read() == b"all of it"
    assert leftovers(server) == []


def test_job_whose_container_was_removed_while_the_server_was_down_fails(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    server.client("sagemaker").create_processing_job(**a_request("removed", entrypoint=["sleep", "300"]))
    server.wait_for_phase("removed", "Running")
    server.kill()
    engine = docker.from_env()
    for container in engine.containers.list(filters={"label": f"processing-emulator.id={emulator_id(server)}"}):
        container.remove(force=True)
    engine.close()
    server.start()
    answer = server.wait_for_end("removed")
    assert answer["FailureReason"] == (
        "InternalServerError: We encountered an internal error.  Please try again. "
        "(the job's container is gone; somebody removed it)"
    )
    assert leftovers(server) == []


def test_waiting_jobs_and_a_stop_request_survive_a_kill(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    sagemaker = server.client("sagemaker")
    large = a_request("large", entrypoint=["sleep", "300"], instance_type="ml.m5.24xlarge")
    sagemaker.create_processing_job(**large)
    server.wait_for_phase("large", "Running")
    sagemaker.create_processing_job(**a_request("next", entrypoint=["true"]))
    sagemaker.stop_processing_job(ProcessingJobName="large")
    server.kill()
    server.start()
    assert server.wait_for_end("large")["ProcessingJobStatus"] == "Stopped"
    assert server.wait_for_end("next")["ProcessingJobStatus"] == "Completed"
    assert leftovers(server) == []


def test_job_keeps_running_when_the_server_stops_and_completes_after_the_next_start(
    fresh_server: EmulatorProcess,
) -> None:
    server = fresh_server.start()
    _bucket(server)
    _start_counting(server, "kept")
    wait_for("some lines", lambda: len(server.log_lines("kept")) > 100 or None)
    assert server.stop() == 0
    assert "INFO server stopped jobs_running=1" in server.log()
    server.start()
    assert server.wait_for_end("kept")["ProcessingJobStatus"] == "Completed"
    assert [line for line in server.log_lines("kept") if line == "line 2999"] == ["line 2999"]
    assert len(server.log_lines("kept")) == 3000


def test_objects_survive_a_kill_of_the_server(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    _bucket(server)
    server.client("s3").put_object(Bucket="bkt", Key="in/x", Body=b"kept")
    server.kill()
    server.start()
    script = "cat /opt/ml/processing/input/x"
    server.client("sagemaker").create_processing_job(
        **a_request("reads", entrypoint=["sh", "-c", script], inputs=[an_input()])
    )
    assert server.wait_for_end("reads")["ProcessingJobStatus"] == "Completed"
    assert server.log_lines("reads") == ["kept"]


def test_killed_embedded_store_is_restarted_and_jobs_complete(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    _bucket(server)
    _start_counting(server, "store-dies")
    wait_for("some lines", lambda: len(server.log_lines("store-dies")) > 100 or None)
    (store,) = psutil.Process(server.pid).children()
    store.kill()
    assert server.wait_for_end("store-dies")["ProcessingJobStatus"] == "Completed"
    assert server.client("s3").get_object(Bucket="bkt", Key="store-dies/done")["Body"].read() == b"all of it"
    assert server.control("health")["services"]["s3"]["status"] == "ok"


def test_second_server_with_the_same_data_directory_is_refused(fresh_server: EmulatorProcess) -> None:
    server = fresh_server.start()
    second = EmulatorProcess(server.data_dir)
    with pytest.raises(AssertionError, match="in use by another emulator; choose another with --data-dir"):
        second.start()
    second.kill()
