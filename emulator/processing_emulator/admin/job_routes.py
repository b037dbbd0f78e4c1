"""Jobs: lists of them, and everything that is known of one."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from processing_emulator.admin.debug_advice import debug_advice
from processing_emulator.admin.parameters import (
    MAX_ID,
    HostParameters,
    JobName,
    JobParameters,
    Parameters,
    index_of,
)
from processing_emulator.admin.readiness import readiness_of
from processing_emulator.admin.right_sizing_document import right_sizing_document
from processing_emulator.admin.usage_document import usage_document
from processing_emulator.admin.views import job_document, job_summary, request_document
from processing_emulator.admin.waiting import WaitingReason, reason_of, waiting_of
from processing_emulator.domain.instance_prices import PriceTable
from processing_emulator.domain.phase import ProcessingJobStatus
from processing_emulator.metrics.job_usage import peaks_of
from processing_emulator.ports import Clock, JobQuery, JobStore, MetricStore, SortBy


class JobListParameters(Parameters):
    """Which jobs to list; without account or region, those of all. `after` is the `next` of the page before."""

    account: str | None = Field(None, pattern="^[0-9]{12}$")
    region: str | None = Field(None, pattern="^[a-z0-9-]{1,32}$")
    status: ProcessingJobStatus | None = None
    name_contains: str | None = Field(None, max_length=63)
    limit: int = Field(100, ge=1, le=1000)
    after: int | None = Field(None, ge=1, le=MAX_ID)

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


def job_routes(
    store: JobStore, metrics: MetricStore, waiting_reason: WaitingReason, prices: PriceTable, clock: Clock
) -> APIRouter:
    """`/jobs`, `/jobs/NAME`, and `request` and `usage` below it."""
    router = APIRouter()

    @router.get("/jobs")
    def list_jobs(query: Annotated[JobListParameters, Query()]) -> JSONResponse:
        page = store.list_page(query.job_query())
        found = [{**job_summary(job), "waiting": reason_of(waiting_reason, job)} for job in page.jobs]
        return JSONResponse({"jobs": found, "next": page.last and page.last[0]})

    @router.get("/jobs/{name}")
    def get_job(name: JobName, query: Annotated[JobParameters, Query()]) -> JSONResponse:
        job = query.find_job(store, name)
        records, events = store.list_instances(job.id), store.list_events(job.id)
        instances = [(record, peaks_of(metrics, job, record)) for record in records]
        document = job_document(
            job,
            waiting=waiting_of(store, waiting_reason, job),
            instances=instances,
            right_sizing=right_sizing_document(job, instances, events, prices),
            events=events,
            findings=readiness_of(store, job, records, events),
            debug=debug_advice(job, records, clock.now()),
        )
        return JSONResponse(document)

    @router.get("/jobs/{name}/request")
    def get_request(name: JobName, query: Annotated[JobParameters, Query()]) -> JSONResponse:
        job = query.find_job(store, name)
        return JSONResponse(request_document(job, store.list_tags(job.id)))

    @router.get("/jobs/{name}/usage")
    def get_usage(name: JobName, query: Annotated[HostParameters, Query()]) -> JSONResponse:
        job = query.find_job(store, name)
        records = store.list_instances(job.id)
        index = index_of(query.host)
        if index >= len(records):
            raise HTTPException(404, f"The job {name} has no host {query.host}, or it has not been placed yet.")
        return JSONResponse(usage_document(metrics, job, records[index], clock.now()))

    return router
