"""The SageMaker Python SDK v3, unmodified, with no route to anywhere but the server."""

from collections.abc import Mapping

import pytest

from tests.e2e.clients.conftest import Outpost
from tests.e2e.clients.island import Finished
from tests.e2e.clients.sagemaker_suite import FAILURE_REASON, SageMakerSuite, words_of
from tests.e2e.clients.sdk_runs import lines_expected, lines_printed, result_of

pytestmark = [pytest.mark.docker, pytest.mark.e2e]


class TestSageMaker3(SageMakerSuite):
    generation = "3"

    def test_a_failing_job_is_an_error_of_the_processor(self, outpost: Outpost, runs: Mapping[str, Finished]) -> None:
        """Not the one it means: v3.27 looks for that in botocore, where it is not, and so loses the reason."""
        failed = runs["failing"]
        assert failed.code == 1
        assert lines_printed(failed) == lines_expected(20)
        assert "has no attribute 'UnexpectedStatusException'" in words_of(failed)
        assert outpost.server.describe(self.job("failing"))["FailureReason"] == FAILURE_REASON

    def test_a_job_resource_waits_and_prints_every_line_once_and_in_order(
        self, outpost: Outpost, runs: Mapping[str, Finished]
    ) -> None:
        assert runs["resource"].code == 0, runs["resource"]
        assert lines_printed(runs["resource"]) == lines_expected(200)
        assert result_of(outpost.server, self.job("resource")) == b"2 files, 36\n"

    def test_a_failing_job_resource_is_the_exception_of_the_sdk_with_the_reason(
        self, runs: Mapping[str, Finished]
    ) -> None:
        failed = runs["resource-failing"]
        assert failed.code == 1
        assert lines_printed(failed) == lines_expected(20)
        assert f"Final Resource State: Failed. Failure Reason: {FAILURE_REASON}" in words_of(failed)
