"""Requests to a server whose database file is gone."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from processing_emulator.domain.job import JobKey, ProcessingJob
from processing_emulator.errors import StoreLost
from tests.builders import a_request
from tests.fakes.job_store import MemoryJobStore
from tests.unit.aws.asgi import call_target
from tests.unit.aws.aws_app import app_over
from tests.unit.jobs.job_requests import Api


class LostStore(MemoryJobStore):
    """Stores nothing, because what it stores would be gone at the next start."""

    def add(self, key: JobKey, request: Mapping[str, Any], tags: Mapping[str, str], at: datetime) -> ProcessingJob:
        """See the port."""
        raise StoreLost("The database file /data/emulator.db was removed while the server runs.")


def test_a_job_that_would_vanish_is_refused_with_the_reason() -> None:
    answer = call_target(app_over(Api(LostStore())), "SageMaker.CreateProcessingJob", json.dumps(a_request()).encode())

    assert answer.status == 503
    assert answer.document == {
        "__type": "ServiceUnavailable",
        "message": "The database file /data/emulator.db was removed while the server runs. Nothing was stored.",
    }
