"""CreateProcessingJob (spec 1.3)."""

from collections.abc import Sequence

from emulator.aws.operation import Checked, GroupHandler, Handler, Outcome
from emulator.domain.job import JobKey
from emulator.errors import RequestError
from emulator.jobs.service import JobService


def create_processing_job(service: JobService) -> Handler:
    """The handler."""

    def handle_all(group: Sequence[Checked]) -> Sequence[Outcome]:
        wanted = [
            (JobKey(account=caller.account, region=caller.region, name=request["ProcessingJobName"]), request)
            for caller, request in group
        ]
        return [
            verdict if isinstance(verdict, RequestError) else {"ProcessingJobArn": key.arn}
            for (key, _), verdict in zip(wanted, service.store_all(wanted), strict=True)
        ]

    return GroupHandler(handle_all=handle_all, check=service.check)
