"""Jobs: lists of them, and everything that is known of one."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from processing_emulator.admin.parameters import JobName, JobParameters, Parameters
from processing_emulator.admin.views import Waiting, job_document, job_summary
from processing_emulator.domain.job import JobId, ProcessingJob
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.metrics.job_usage import peaks_of
from processing_emulator.ports import JobQuery, JobReader, JobStore, MetricStore, SortBy

_MAX_ID = 2**63 - 1


class JobListParameters(Parameters):
    """Which jobs to list; without account or region, those of all. `after` is the `next` of the page before."""

    account: str | None = Field(None, pattern="^[0-9]{12}$")
    region: str | None = Field(None, pattern="^[a-z0-9-]{1,32}$")
    status: ProcessingJobStatus | None = None
    name_contains: str | None = Field(None, max_length=63)
    limit: int = Field(100, ge=1, le=1000)
    after: int | None = Field(None, ge=1, le=_MAX_ID)

    def job_query(self) -> JobQuery:
        """The newest job first."""
        return JobQuery(
            account=self.account,
            region=self.region,
            limit=self.limit,
            sort_by=SortBy.ID,
            descending=True,
            name_contains=self.name_contains,
            status=self.status,
            after=None if self.after is None else (self.after,),
        )


WaitingReason = Callable[[JobId], str | None]
"""What a pending job waits for; None when it is about to be admitted."""


def job_routes(store: JobStore, metrics: MetricStore, waiting_reason: WaitingReason) -> APIRouter:
    """`/jobs` and `/jobs/NAME`."""
    router = APIRouter()

    @router.get("/jobs")
    def list_jobs(query: Annotated[JobListParameters, Query()]) -> JSONResponse:
        page = store.list_page(query.job_query())
        found = [{**job_summary(job), "waiting": _reason(waiting_reason, job)} for job in page.jobs]
        return JSONResponse({"jobs": found, "next": page.last and page.last[0]})

    @router.get("/jobs/{name}")
    def get_job(name: JobName, query: Annotated[JobParameters, Query()]) -> JSONResponse:
        job = query.find_job(store, name)
        document = job_document(
            job,
            waiting=_waiting(store, waiting_reason, job),
            instances=[(record, peaks_of(metrics, job, record)) for record in store.list_instances(job.id)],
            events=store.list_events(job.id),
        )
        return JSONResponse(document)

    return router


def _reason(waiting_reason: WaitingReason, job: ProcessingJob) -> str | None:
    return waiting_reason(job.id) if job.phase is JobPhase.PENDING else None


def _waiting(store: JobReader, waiting_reason: WaitingReason, job: ProcessingJob) -> Waiting | None:
    if job.phase is not JobPhase.PENDING:
        return None
    return Waiting(reason=waiting_reason(job.id), queue_position=store.count_waiting_before(job.id) + 1)
