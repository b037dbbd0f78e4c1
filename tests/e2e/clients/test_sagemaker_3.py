"""The SageMaker Python SDK v3, unmodified, in a network that reaches only the server."""

from collections.abc import Mapping

import pytest

from tests.e2e.clients.conftest import IsolatedClients
from tests.e2e.clients.isolated_network import FinishedProcess
from tests.e2e.clients.sagemaker_runs import lines_expected, lines_printed, result_of
from tests.e2e.clients.sagemaker_suite import FAILURE_REASON, SageMakerSuite, words_of

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


class TestSageMaker3(SageMakerSuite):
    generation = "3"

    def test_failed_job_raises_an_error(self, clients: IsolatedClients, runs: Mapping[str, FinishedProcess]) -> None:
        """v3.27 raises AttributeError: it looks for UnexpectedStatusException in botocore, and so loses the reason."""
        failed = runs["failing"]
        assert failed.code == 1
        assert lines_printed(failed) == lines_expected(20)
        assert "has no attribute 'UnexpectedStatusException'" in words_of(failed)
        assert clients.server.describe(self.job("failing"))["FailureReason"] == FAILURE_REASON

    def test_job_resource_waits_and_prints_every_line_once_and_in_order(
        self, clients: IsolatedClients, runs: Mapping[str, FinishedProcess]
    ) -> None:
        assert runs["resource"].code == 0, runs["resource"]
        assert lines_printed(runs["resource"]) == lines_expected(200)
        assert result_of(clients.server, self.job("resource")) == b"2 files, 36\n"

    def test_job_resource_raises_with_the_reason_of_a_failed_job(self, runs: Mapping[str, FinishedProcess]) -> None:
        failed = runs["resource-failing"]
        assert failed.code == 1
        assert lines_printed(failed) == lines_expected(20)
        assert f"Final Resource State: Failed. Failure Reason: {FAILURE_REASON}" in words_of(failed)
