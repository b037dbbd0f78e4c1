"""The SageMaker Python SDK v2, unmodified, in a network that reaches only the server."""

from collections.abc import Mapping

import pytest

from tests.e2e.clients.isolated_network import FinishedProcess
from tests.e2e.clients.sagemaker_runs import lines_expected, lines_printed
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
