"""The SageMaker Python SDK v2, unmodified, in a network that reaches only the server."""

from collections.abc import Mapping

import pytest

from tests.e2e.clients.conftest import IsolatedClients
from tests.e2e.clients.isolated_network import FinishedProcess
from tests.e2e.clients.sagemaker_runs import image_that_ran, lines_expected, lines_printed, result_of
from tests.e2e.clients.sagemaker_suite import FAILURE_REASON, SageMakerSuite, words_of

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


class TestSageMaker2(SageMakerSuite):
    generation = "2"

    def test_failed_job_raises_with_the_reason(self, runs: Mapping[str, FinishedProcess]) -> None:
        failed = runs["failing"]
        assert failed.code == 1
        assert lines_printed(failed) == lines_expected(20)
        assert (
            f"UnexpectedStatusException: Error for Processing job v2-failing: Failed. Reason: {FAILURE_REASON}."
        ) in words_of(failed)

    def test_xgboost_processor_runs_a_source_folder_in_the_stand_in_of_its_version(
        self, clients: IsolatedClients, runs: Mapping[str, FinishedProcess]
    ) -> None:
        assert runs["xgboost"].code == 0, runs["xgboost"]
        assert "xgboost 3.0.5" in runs["xgboost"].stdout
        assert lines_printed(runs["xgboost"]) == lines_expected(100)
        assert result_of(clients.server, self.job("xgboost")) == b"2 files, 36\n"
        assert image_that_ran(clients.server, self.job("xgboost")) == "processing-emulator/sagemaker-xgboost:3.0-5"
