"""CreateProcessingJob (spec 1.3)."""

from collections.abc import Mapping
from typing import Any

from emulator.aws.caller import Caller
from emulator.aws.operation import Handler
from emulator.domain.job import JobKey
from emulator.jobs.service import JobService


def create_processing_job(service: JobService) -> Handler:
    """The handler."""

    def handle(caller: Caller, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = JobKey(account=caller.account, region=caller.region, name=request["ProcessingJobName"])
        return {"ProcessingJobArn": service.create(key, request).key.arn}

    return handle
