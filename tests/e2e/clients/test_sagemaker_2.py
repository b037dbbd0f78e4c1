"""The SageMaker Python SDK v2, unmodified, with no route to anywhere but the server."""

from collections.abc import Mapping

import pytest

from tests.e2e.clients.island import Finished
from tests.e2e.clients.sagemaker_suite import FAILURE_REASON, SageMakerSuite, words_of
from tests.e2e.clients.sdk_runs import lines_expected, lines_printed

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


class TestSageMaker2(SageMakerSuite):
    generation = "2"

    def test_a_failing_job_is_the_exception_of_the_sdk_with_the_reason(self, runs: Mapping[str, Finished]) -> None:
        failed = runs["failing"]
        assert failed.code == 1
        assert lines_printed(failed) == lines_expected(20)
        assert (
            f"UnexpectedStatusException: Error for Processing job v2-failing: Failed. Reason: {FAILURE_REASON}."
        ) in words_of(failed)
