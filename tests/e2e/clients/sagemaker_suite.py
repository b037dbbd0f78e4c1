"""The tests that both generations of the SageMaker Python SDK must pass.

They run processors with `run(wait=True, logs=True)` and inputs from local files and S3; bucket and role come from the
configuration that `processing-emulator env` writes.
"""

from collections.abc import Mapping

import pytest

from tests.e2e.clients.conftest import IsolatedClients
from tests.e2e.clients.isolated_network import FinishedProcess
from tests.e2e.clients.sagemaker_runs import (
    image_that_ran,
    job_of,
    lines_expected,
    lines_printed,
    result_of,
    run_all,
)

FAILURE_REASON = "AlgorithmError: no such column: price, exit code: 3"


class SageMakerSuite:
    """Subclasses set the generation."""

    generation: str

    @pytest.fixture(scope="class")
    @classmethod
    def runs(cls, clients: IsolatedClients, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, FinishedProcess]:
        """Run all processors once, and check that they contacted only the server."""
        clients.network.clear()
        finished = run_all(clients, cls.generation, tmp_path_factory.mktemp(f"sagemaker-{cls.generation}"))
        assert clients.network.attempts() == [], "an SDK tried to reach the outside"
        return finished

    def job(self, name: str) -> str:
        return job_of(self.generation, name)

    @pytest.mark.parametrize("name", ["processor", "script", "sklearn", "sklearn-newer", "framework"])
    def test_15_17_processor_completes_with_the_right_output(
        self, clients: IsolatedClients, runs: Mapping[str, FinishedProcess], name: str
    ) -> None:
        assert runs[name].code == 0, runs[name]
        assert result_of(clients.server, self.job(name)) == b"2 files, 36\n"
        assert clients.server.describe(self.job(name))["ProcessingJobStatus"] == "Completed"

    @pytest.mark.parametrize(
        ("name", "count"),
        [("processor", 400), ("script", 3000), ("sklearn", 100), ("sklearn-newer", 100), ("framework", 50)],
    )
    def test_15_prints_every_log_line_once_and_in_order(
        self, runs: Mapping[str, FinishedProcess], name: str, count: int
    ) -> None:
        assert lines_printed(runs[name]) == lines_expected(count)

    @pytest.mark.parametrize(("name", "version"), [("sklearn", "1.2-1"), ("sklearn-newer", "1.4-2")])
    def test_15_without_an_image_the_version_selects_the_stand_in(
        self, clients: IsolatedClients, runs: Mapping[str, FinishedProcess], name: str, version: str
    ) -> None:
        assert runs[name].code == 0
        assert f"sklearn {version.replace('-', '.')}" in runs[name].stdout
        image = f"sagemaker-scikit-learn:{version}-cpu-py3"
        assert clients.server.describe(self.job(name))["AppSpecification"]["ImageUri"].endswith(f"/{image}")
        assert image_that_ran(clients.server, self.job(name)) == f"processing-emulator/{image}"

    def test_stopped_job_ends_the_wait_without_an_error(
        self, clients: IsolatedClients, runs: Mapping[str, FinishedProcess]
    ) -> None:
        assert runs["stopped"].code == 0, runs["stopped"]
        printed = lines_printed(runs["stopped"])
        assert printed
        assert printed == clients.server.log_lines(self.job("stopped"))
        assert clients.server.describe(self.job("stopped"))["ProcessingJobStatus"] == "Stopped"

    def test_missing_requirements_fail_the_job_with_the_reason_in_the_log(
        self, clients: IsolatedClients, runs: Mapping[str, FinishedProcess]
    ) -> None:
        assert runs["requirements"].code == 1
        assert "not-to-be-had-offline" in runs["requirements"].stdout
        assert clients.server.describe(self.job("requirements"))["FailureReason"].endswith("exit code: 1")


def words_of(finished: FinishedProcess) -> str:
    """The output on one line, because the SDKs wrap their messages to fit a terminal."""
    return " ".join((finished.stdout + finished.stderr).split())
