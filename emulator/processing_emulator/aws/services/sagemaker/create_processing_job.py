"""CreateProcessingJob (spec 1.3)."""

from collections.abc import Sequence

from processing_emulator.aws.protocols.narrowing import Narrowing
from processing_emulator.aws.protocols.reading import Reading
from processing_emulator.aws.services.operation import Checked, GroupHandler, Handler, Outcome
from processing_emulator.domain.job import JobKey
from processing_emulator.errors import RequestError
from processing_emulator.jobs.coverage import MEMBERS, ONLY_BEGINNINGS, ONLY_VALUES, REFUSED_VALUES, Support
from processing_emulator.jobs.service import JobService

SERVED = Narrowing(
    members={path for path, coverage in MEMBERS.items() if coverage.support is not Support.REFUSED},
    refused_values=REFUSED_VALUES,
    only_values=ONLY_VALUES,
    only_beginnings=ONLY_BEGINNINGS,
)


def create_processing_job(service: JobService) -> Handler:
    """The handler."""

    def handle_all(group: Sequence[Checked]) -> Sequence[Outcome]:
        wanted = [
            (JobKey(caller.account, caller.region, request["ProcessingJobName"]), request) for caller, request in group
        ]
        return [
            verdict if isinstance(verdict, RequestError) else {"ProcessingJobArn": key.arn}
            for (key, _), verdict in zip(wanted, service.store_all(wanted), strict=True)
        ]

    def check(reading: Reading) -> None:
        service.check(reading.request, is_covered=reading.is_plain)

    return GroupHandler(handle_all=handle_all, check=check, narrowing=SERVED)
