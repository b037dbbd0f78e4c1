"""Docker's engine is killed while jobs are on their way; it is the test's own engine."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.job_networks import JobNetworks
from processing_emulator.errors import RuntimeUnavailable
from processing_emulator.ports import NetworkSpec
from tests.builders import a_request, an_input, an_output
from tests.e2e.server import EmulatorProcess
from tests.own_engine import OwnEngine, own_engine
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker]

JOBS = 5
INTERNAL = "InternalServerError: We encountered an internal error.  Please try again. "


@pytest.fixture(scope="module")
def engine(docker_engine: None) -> Iterator[OwnEngine]:
    with TemporaryDirectory(prefix="pe-") as folder, own_engine(Path(folder) / "e") as made:
        yield made


@pytest.fixture(scope="module")
def server(engine: OwnEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    data = tmp_path_factory.mktemp("emulator") / "data"
    room = {"capacity_cpus": "16", "capacity_memory_mib": "65536"}
    process = EmulatorProcess(data, docker_host=engine.address, reaper_interval_seconds="1", **room).start()
    try:
        process.client("s3").create_bucket(Bucket="bkt")
        yield process
        # What could not be removed while the engine was away, the reaper removes.
        wait_for("no containers", lambda: engine.docker("ps", "--all", "--quiet") == "", 30)
        assert process.stop() == 0
        assert list((data / "jobs").iterdir()) == []
    finally:
        process.kill()


def create(server: EmulatorProcess, prefix: str, script: str) -> list[str]:
    names = [f"{prefix}-{number}" for number in range(JOBS)]
    for name in names:
        request = a_request(name, entrypoint=["sh", "-c", script], outputs=[an_output(uri=f"s3://bkt/{name}")])
        server.client("sagemaker").create_processing_job(**request)
    return names


def ends(server: EmulatorProcess, names: list[str]) -> list[dict[str, Any]]:
    return [server.wait_for_end(name, 120) for name in names]


def has_started(server: EmulatorProcess, name: str) -> bool:
    return "container_started" in [event["action"] for event in server.control(f"jobs/{name}")["events"]]


def has_reached(server: EmulatorProcess, name: str, phase: str) -> bool | None:
    events = server.control(f"jobs/{name}")["events"]
    return phase in [event["detail"].get("to") for event in events if event["action"] == "phase_changed"] or None


@pytest.mark.parametrize("containers", [0, 1, 3])
def test_jobs_that_start_while_the_engine_is_killed_complete(
    server: EmulatorProcess, engine: OwnEngine, containers: int
) -> None:
    """The engine is killed when so many containers exist. Those that ran by then are ended by the engine."""
    script = "echo once >> /opt/ml/processing/output/f; sleep 1"
    names = create(server, f"starting-{containers}", script)
    wait_for("containers", lambda: len(engine.docker("ps", "--all", "--quiet").split()) >= containers)
    engine.kill()
    starting = [name for name in names if not has_started(server, name)]
    engine.start()

    ended = dict(zip(names, ends(server, names), strict=True))

    assert starting
    assert {name: ended[name]["ProcessingJobStatus"] for name in starting} == dict.fromkeys(starting, "Completed")
    s3 = server.client("s3")
    for name in starting:
        assert s3.get_object(Bucket="bkt", Key=f"{name}/f")["Body"].read() == b"once\n"
    for name in set(names) - set(starting):
        assert ended[name].get("FailureReason", "InternalServerError").startswith("InternalServerError")


@pytest.mark.parametrize("end", [OwnEngine.stop, OwnEngine.kill], ids=["stopped", "killed"])
def test_jobs_that_the_engine_ended_are_not_the_user_s_fault(
    server: EmulatorProcess, engine: OwnEngine, end: Callable[[OwnEngine], None], request: pytest.FixtureRequest
) -> None:
    """They answer the stop signal with an exit code of their own. An engine that was killed sends it when it starts."""
    names = create(server, request.node.callspec.id, "trap 'exit 3' TERM; sleep 300 & wait")
    for name in names:
        server.wait_for_phase(name, "Running")

    end(engine)
    engine.start()

    for answer in ends(server, names):
        reason, _, code = answer["FailureReason"].partition(", exit code: ")
        assert reason == f"{INTERNAL}(the Docker engine stopped, or was told to end the job's container"
        assert code in {"3)", "137)", "255)"}


def test_a_cluster_that_a_restart_of_the_machine_ended_is_not_the_user_s_fault(
    server: EmulatorProcess, engine: OwnEngine
) -> None:
    """Neither the server nor the engine sees the containers end; afterwards the engine reports exit code 255.

    A second cluster is being stopped at that time.
    """
    sagemaker = server.client("sagemaker")
    for name in ("rebooted", "stopping"):
        script = "trap 'sleep 60' TERM; sleep 300 & wait"
        sagemaker.create_processing_job(**a_request(name, hosts=3, entrypoint=["sh", "-c", script]))
    for name in ("rebooted", "stopping"):
        server.wait_for_phase(name, "Running")
    sagemaker.stop_processing_job(ProcessingJobName="stopping")
    server.wait_for_phase("stopping", "Stopping")

    server.kill()
    engine.reboot()
    server.start()

    reason = f"{INTERNAL}(the Docker engine stopped, or was told to end the job's container, exit code: 255)"
    assert server.wait_for_end("rebooted")["FailureReason"] == reason
    assert server.wait_for_end("stopping")["ProcessingJobStatus"] == "Stopped"
    assert (engine.docker("ps", "--all", "--quiet"), _networks(engine)) == ("", [])


def test_a_cluster_outlives_kills_of_engine_and_server_before_and_after_its_run(
    server: EmulatorProcess, engine: OwnEngine
) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket="bkt", Key="in/big", Body=bytes(30_000_000))
    script = "cp /opt/ml/processing/input/big /opt/ml/processing/output/$(hostname)"
    uri = "s3://bkt/outlives"
    request = a_request(
        "outlives", hosts=3, entrypoint=["sh", "-c", script], inputs=[an_input()], outputs=[an_output(uri=uri)]
    )
    server.client("sagemaker").create_processing_job(**request)

    for phase in ("StagingIn", "StagingOut"):
        wait_for(f"the job to be {phase}", partial(has_reached, server, "outlives", phase), 60)
        server.kill()
        engine.kill()
        engine.start()
        server.start()

    assert server.wait_for_end("outlives")["ProcessingJobStatus"] == "Completed"
    found = s3.list_objects_v2(Bucket="bkt", Prefix="outlives/")["Contents"]
    assert [(item["Key"], item["Size"]) for item in found] == [(f"outlives/algo-{n}", 30_000_000) for n in (1, 2, 3)]
    assert (engine.docker("ps", "--all", "--quiet"), _networks(engine)) == ("", [])


def test_job_whose_container_somebody_removes_is_not_the_user_s_fault(
    server: EmulatorProcess, engine: OwnEngine
) -> None:
    names = create(server, "removed", "exec sleep 300")
    for name in names:
        server.wait_for_phase(name, "Running")

    removals = [
        threading.Thread(target=engine.docker, args=("rm", "--force", container))
        for container in engine.docker("ps", "--quiet").split()
    ]
    for removal in removals:
        removal.start()

    for answer in ends(server, names):
        assert answer["FailureReason"] == f"{INTERNAL}(the job's container is gone; somebody removed it)"
    for removal in removals:
        removal.join()


class CutShort(JobNetworks):
    """Dies before it removes a network."""

    def remove(self, network_id: str) -> None:
        raise RuntimeUnavailable(f"network {network_id} is left")


def test_network_from_which_a_subnet_is_only_learned_is_not_taken_for_the_job_s(engine: OwnEngine) -> None:
    """A kill leaves it behind, and its subnet allows no fixed addresses."""
    connection, spec = Engine(engine.address), NetworkSpec(name="cut-short", labels={}, isolated=False)
    with pytest.raises(RuntimeUnavailable):
        CutShort(connection, "cut-short").create(spec)

    networks = JobNetworks(connection, "cut-short")

    assert networks.find(spec.name) is None
    (left,) = networks.list_ours()
    networks.remove(left.id)
    connection.close()


@pytest.mark.parametrize("containers", [0, 3])
def test_cluster_completes_or_says_honestly_why_not_and_leaves_no_network(
    server: EmulatorProcess, engine: OwnEngine, containers: int
) -> None:
    """The engine is killed when so many of a job's three containers exist."""
    name = f"cluster-{containers}"
    script = "getent hosts algo-1 algo-2 algo-3 && sleep 2 && echo x > /opt/ml/processing/output/$(hostname)"
    request = a_request(name, hosts=3, entrypoint=["sh", "-c", script], outputs=[an_output(uri=f"s3://bkt/{name}")])
    server.client("sagemaker").create_processing_job(**request)
    wait_for("containers", lambda: len(engine.docker("ps", "--all", "--quiet").split()) >= containers)
    engine.kill()
    engine.start()

    answer = server.wait_for_end(name, 120)

    if answer["ProcessingJobStatus"] == "Completed":
        found = server.client("s3").list_objects_v2(Bucket="bkt", Prefix=f"{name}/")["Contents"]
        assert [item["Key"] for item in found] == [f"{name}/algo-{number}" for number in (1, 2, 3)]
    else:
        assert containers, answer
        assert answer["FailureReason"].startswith(INTERNAL)
    wait_for("its network to go", lambda: _networks(engine) == [] or None, 90)
    assert engine.docker("ps", "--all", "--quiet") == ""


def _networks(engine: OwnEngine) -> list[str]:
    return engine.docker("network", "ls", "--filter", "label=processing-emulator.job-id", "--quiet").split()
