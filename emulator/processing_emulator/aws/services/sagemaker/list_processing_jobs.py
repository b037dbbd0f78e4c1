"""ListProcessingJobs (spec 1.5)."""

from collections.abc import Mapping
from typing import Any

from processing_emulator.aws.http.request_context import RequestContext
from processing_emulator.aws.protocols.json_responses import present
from processing_emulator.aws.services.operation import Handler
from processing_emulator.aws.services.sagemaker.describe_processing_job import state_of
from processing_emulator.domain.phase import ProcessingJobStatus
from processing_emulator.jobs.listing import DEFAULT_PAGE_SIZE, JobListing
from processing_emulator.ports import JobQuery, SortBy


def list_processing_jobs(listing: JobListing) -> Handler:
    """The handler."""

    def handle(context: RequestContext, request: Mapping[str, Any]) -> Mapping[str, object]:
        page = listing.page(_query(context, request), request.get("NextToken"))
        return present(ProcessingJobSummaries=[state_of(job) for job in page.jobs], NextToken=page.next_token)

    return handle


def _query(context: RequestContext, request: Mapping[str, Any]) -> JobQuery:
    status = request.get("StatusEquals")
    return JobQuery(
        account=context.account,
        region=context.region,
        limit=request.get("MaxResults", DEFAULT_PAGE_SIZE),
        sort_by=SortBy(request.get("SortBy", SortBy.CREATION_TIME)),
        descending=request.get("SortOrder") == "Descending",
        name_contains=request.get("NameContains"),
        status=ProcessingJobStatus(status) if status is not None else None,
        created_after=request.get("CreationTimeAfter"),
        created_before=request.get("CreationTimeBefore"),
        modified_after=request.get("LastModifiedTimeAfter"),
        modified_before=request.get("LastModifiedTimeBefore"),
    )
