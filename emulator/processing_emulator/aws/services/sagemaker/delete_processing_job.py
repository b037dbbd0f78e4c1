"""DeleteProcessingJob: answers with an empty body (spec 1.1, 1.7)."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.services.operation import Handler
from processing_emulator.domain.job import JobKey
from processing_emulator.jobs.service import JobService


def delete_processing_job(service: JobService) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> None:
        service.delete(JobKey(account=context.account, region=context.region, name=request["ProcessingJobName"]))

    return handle
