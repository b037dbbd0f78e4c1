"""The page of one job: state and failure, timeline, log, curves, files, the request, and the history."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import HTMLResponse

from processing_emulator.admin.dashboard.advice import advice_for, failed_host
from processing_emulator.admin.dashboard.pages import page
from processing_emulator.admin.dashboard.paths import DASHBOARD
from processing_emulator.admin.dashboard.request_code import code_of
from processing_emulator.admin.dashboard.timeline import timeline_of
from processing_emulator.admin.debug_advice import debug_advice
from processing_emulator.admin.parameters import JobName, JobParameters
from processing_emulator.admin.readiness import readiness_of
from processing_emulator.admin.right_sizing_document import right_sizing_document
from processing_emulator.admin.waiting import WaitingReason, waiting_of
from processing_emulator.domain.instance_prices import PriceTable
from processing_emulator.domain.job import PROGRESS, InstanceRecord, ProcessingJob
from processing_emulator.domain.log_events import StoredEvent
from processing_emulator.metrics.job_usage import peaks_of
from processing_emulator.ports import Clock, JobQuery, JobReader, JobStore, LogStore, MetricStore, SortBy

TAIL_EVENTS = 20
"""Log events shown with a failure."""

MOST_OTHERS = 50
"""Names that are offered for a comparison."""

TAIL_BYTES = 64 * 1024


def job_page_routes(
    jobs: JobStore,
    logs: LogStore,
    metrics: MetricStore,
    waiting_reason: WaitingReason,
    prices: PriceTable,
    clock: Clock,
) -> APIRouter:
    """`/jobs/NAME`."""
    router = APIRouter(prefix=DASHBOARD)

    @router.get("/jobs/{name}", response_class=HTMLResponse)
    def get_page(
        name: JobName, query: Annotated[JobParameters, Query()], hx_request: Annotated[bool, Header()] = False
    ) -> HTMLResponse:
        """With htmx's header, only the parts that change are wanted."""
        job = query.find_job(jobs, name)
        instances, events, now = jobs.list_instances(job.id), jobs.list_events(job.id), clock.now()
        hosts = [(record, peaks_of(metrics, job, record)) for record in instances]
        return page(
            "job.html",
            job=job,
            seconds=((job.ended_at or now) - job.created_at).total_seconds(),
            waiting=waiting_of(jobs, waiting_reason, job),
            advice=advice_for(job, instances),
            debug=debug_advice(job, instances, now),
            tail=_tail(logs, failed_host(instances)),
            bars=timeline_of(job, events, now),
            hosts=hosts,
            sizing=right_sizing_document(job, hosts, events, prices),
            events=[event for event in events if event.action != PROGRESS],
            findings=readiness_of(jobs, job, instances, events),
            codes=[] if hx_request else code_of(job.key, job.request),
            others=[] if hx_request else _others(jobs, job),
        )

    return router


def _others(jobs: JobReader, job: ProcessingJob) -> list[str]:
    """The names of the newest other jobs of the same account and region."""
    query = JobQuery(
        account=job.key.account,
        region=job.key.region,
        limit=MOST_OTHERS,
        sort_by=SortBy.CREATION_TIME,
        descending=True,
    )
    return [each.key.name for each in jobs.list_page(query).jobs if each.id != job.id]


def _tail(logs: LogStore, record: InstanceRecord | None) -> Sequence[StoredEvent]:
    """The last lines of a host that failed."""
    stream = None if record is None else logs.output_stream(record.job_id, record.index)
    if stream is None:
        return []
    return logs.read(stream.id, stream.next_seq, forward=False, limit=TAIL_EVENTS, most_bytes=TAIL_BYTES)
