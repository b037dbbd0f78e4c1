"""Jobs of a server with `--runner simulate`, which has no Docker engine: real API and staging, scripted containers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from processing_emulator.cli.main import main
from tests.builders import a_request, an_input, an_output
from tests.e2e.server import EmulatorProcess

pytestmark = pytest.mark.e2e

PREFIX = "PROCESSING_EMULATOR_SIMULATE_"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    folder = tmp_path_factory.mktemp("simulate")
    nowhere = f"unix://{folder}/no-docker.sock"
    process = EmulatorProcess(folder / "data", runner="simulate", docker_host=nowhere, stop_grace_seconds="2").start()
    try:
        process.client("s3").create_bucket(Bucket="bkt")
        yield process
        assert process.stop() == 0, process.log()[-2000:]
        assert list((process.data_dir / "jobs").iterdir()) == []
        assert "docker not available" not in process.log()
    finally:
        process.kill()


def _run(server: EmulatorProcess, name: str, environment: dict[str, str], **changes: Any) -> dict[str, object]:
    told = {f"{PREFIX}{key}": value for key, value in environment.items()}
    request = a_request(name, image="no/such:image", Environment=told, **changes)
    server.client("sagemaker").create_processing_job(**request)
    return server.wait_for_end(name)


def test_takes_the_course_that_its_environment_tells_and_says_so(server: EmulatorProcess) -> None:
    server.client("s3").put_object(Bucket="bkt", Key="in/a.csv", Body=b"1\n")
    described = _run(
        server,
        "course",
        {
            "SECONDS": "0.5",
            "PRINT": "one\ntwo",
            "WRITE": "/opt/ml/processing/out/a.txt=first",
            "WRITE_2": "/opt/ml/processing/out/deep/b.txt=second=2",
        },
        inputs=[an_input("in", "s3://bkt/in/", "/opt/ml/processing/in")],
        outputs=[an_output("out", "s3://bkt/out", "/opt/ml/processing/out")],
    )

    assert described["ProcessingJobStatus"] == "Completed"
    assert described["ExitMessage"] == "Simulated: no/such:image did not run"
    assert server.log_lines("course") == ["simulated: no/such:image did not run", "one", "two"]
    s3 = server.client("s3")
    assert s3.get_object(Bucket="bkt", Key="out/a.txt")["Body"].read() == b"first"
    assert s3.get_object(Bucket="bkt", Key="out/deep/b.txt")["Body"].read() == b"second=2"
    host = server.control("jobs/course")["instances"][0]
    assert (host["node"], host["stagedIn"]["objects"], host["stagedOut"]["objects"]) == ("simulated", 1, 2)


def test_fails_as_told(server: EmulatorProcess) -> None:
    described = _run(server, "failing", {"EXIT_CODE": "3", "MESSAGE": "no column price"})
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"] == "AlgorithmError: Simulated: no column price, exit code: 3"


def test_is_stopped(server: EmulatorProcess, tmp_path: Path) -> None:
    told = {f"{PREFIX}SECONDS": "600"}
    server.client("sagemaker").create_processing_job(**a_request("stopped", image="any", Environment=told))
    server.wait_for_phase("stopped", "Running")
    early = CliRunner().invoke(main, ["bundle", "stopped", "--url", server.url, "-o", str(tmp_path / "early.zip")])
    assert (early.exit_code, early.stderr) == (
        1,
        "Error: stopped has not ended; a bundle is made of a job that has\n",
    )
    assert not list(tmp_path.iterdir())
    server.client("sagemaker").stop_processing_job(ProcessingJobName="stopped")
    assert server.wait_for_end("stopped")["ProcessingJobStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECONDS", "soon", "must be a number from 0 to 604800, not 'soon'"),
        ("EXIT", "1", "there is no variable PROCESSING_EMULATOR_SIMULATE_EXIT"),
        ("WRITE", "/opt/ml/processing/out/../../../../etc/x=bad", "is in no output"),
    ],
)
def test_a_variable_that_is_wrong_fails_the_job_with_its_name(
    server: EmulatorProcess, name: str, value: str, said: str
) -> None:
    outputs = [an_output("out", "s3://bkt/wrong", "/opt/ml/processing/out")]
    described = _run(server, f"wrong-{name.lower()}", {name: value}, outputs=outputs)
    assert described["ProcessingJobStatus"] == "Failed"
    assert said in str(described["FailureReason"])


def test_health_says_that_nothing_runs(server: EmulatorProcess) -> None:
    health = server.control("health")
    assert health["status"] == "ok"
    assert health["services"]["docker"] == {"status": "ok", "version": "simulated", "simulated": True}
