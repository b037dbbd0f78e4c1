"""What both generations of the SageMaker Python SDK must do: a suite that the modules of each take over.

The processors: `run(wait=True, logs=True)`, inputs from local files and from S3, bucket and role by the configuration
that `processing-emulator env` writes.
"""

from collections.abc import Mapping

import pytest

from tests.e2e.clients.conftest import Outpost
from tests.e2e.clients.island import Finished
from tests.e2e.clients.sdk_runs import job_of, lines_expected, lines_printed, result_of, run_all

FAILURE_REASON = "AlgorithmError: no such column: price, exit code: 3"


class SageMakerSuite:
    """Subclasses say which generation."""

    generation: str

    @pytest.fixture(scope="class")
    @classmethod
    def runs(cls, outpost: Outpost, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Finished]:
        """All of them, once, with the watch on."""
        outpost.island.forget()
        finished = run_all(outpost, cls.generation, tmp_path_factory.mktemp(f"sagemaker-{cls.generation}"))
        assert outpost.island.noticed() == [], "an SDK wanted out"
        return finished

    def job(self, name: str) -> str:
        return job_of(self.generation, name)

    @pytest.mark.parametrize("name", ["processor", "script", "sklearn", "framework"])
    def test_15_17_a_processor_runs_and_its_output_is_right(
        self, outpost: Outpost, runs: Mapping[str, Finished], name: str
    ) -> None:
        assert runs[name].code == 0, runs[name]
        assert result_of(outpost.server, self.job(name)) == b"2 files, 36\n"
        assert outpost.server.describe(self.job(name))["ProcessingJobStatus"] == "Completed"

    @pytest.mark.parametrize(
        ("name", "count"), [("processor", 400), ("script", 3000), ("sklearn", 100), ("framework", 50)]
    )
    def test_15_every_line_of_the_container_is_printed_once_and_in_order(
        self, runs: Mapping[str, Finished], name: str, count: int
    ) -> None:
        assert lines_printed(runs[name]) == lines_expected(count)

    def test_a_job_that_is_stopped_ends_the_wait_without_an_error(
        self, outpost: Outpost, runs: Mapping[str, Finished]
    ) -> None:
        assert runs["stopped"].code == 0, runs["stopped"]
        printed = lines_printed(runs["stopped"])
        assert printed
        assert printed == outpost.server.log_lines(self.job("stopped"))
        assert outpost.server.describe(self.job("stopped"))["ProcessingJobStatus"] == "Stopped"

    def test_requirements_that_cannot_be_had_fail_the_job_and_the_log_says_why(
        self, outpost: Outpost, runs: Mapping[str, Finished]
    ) -> None:
        assert runs["requirements"].code == 1
        assert "not-to-be-had-offline" in runs["requirements"].stdout
        assert outpost.server.describe(self.job("requirements"))["FailureReason"].endswith("exit code: 1")


def words_of(finished: Finished) -> str:
    """Everything said, on one line: the SDKs break their messages to fit a terminal."""
    return " ".join((finished.stdout + finished.stderr).split())
