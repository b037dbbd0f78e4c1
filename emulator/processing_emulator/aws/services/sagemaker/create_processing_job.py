"""CreateProcessingJob (spec 1.3)."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.job import JobKey
from processing_emulator.jobs.service import JobService


def create_processing_job(service: JobService) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        key = JobKey(context.account, context.region, request["ProcessingJobName"])
        service.create(key, request)
        return {"ProcessingJobArn": key.arn}

    return handle
