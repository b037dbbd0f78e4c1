"""The page with all jobs, newest first: filters, pages, and why a job waits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import Field

from processing_emulator.admin.dashboard.pages import page
from processing_emulator.admin.dashboard.paths import list_path
from processing_emulator.admin.parameters import Parameters
from processing_emulator.admin.waiting import WaitingReason, reason_of
from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.phase import ProcessingJobStatus
from processing_emulator.errors import EmulatorError
from processing_emulator.ports import Clock, JobPosition, JobQuery, JobReader, SortBy

JOBS_ON_A_PAGE = 50


class ListFilters(Parameters):
    """What the form sends: an empty field filters nothing."""

    account: str = Field("", pattern="^([0-9]{12})?$")
    region: str = Field("", pattern="^[a-z0-9-]{0,32}$")
    status: ProcessingJobStatus | str = Field("", pattern="^(InProgress|Completed|Failed|Stopping|Stopped)?$")
    name: str = Field("", max_length=63)
    after: str = Field("", pattern="^[0-9]{0,18}(-[0-9]{1,18})?$")

    def job_query(self) -> JobQuery:
        """The newest job first: by creation among those of one account and region, for which the store has an index."""
        sort_by = SortBy.CREATION_TIME if self.account and self.region else SortBy.ID
        return JobQuery(
            account=self.account or None,
            region=self.region or None,
            status=ProcessingJobStatus(self.status) if self.status else None,
            name_contains=self.name or None,
            limit=JOBS_ON_A_PAGE,
            sort_by=sort_by,
            descending=True,
            after=self._position(sort_by),
        )

    def _position(self, sort_by: SortBy) -> JobPosition | None:
        """None on the first page, and for a position in the other order."""
        position = tuple(int(part) for part in self.after.split("-") if part)
        return position if len(position) == (2 if sort_by is SortBy.CREATION_TIME else 1) else None

    def path(self, after: str = "") -> str:
        """The address of the first page of the list with these filters, or of the page after a position."""
        return list_path(account=self.account, region=self.region, status=self.status, name=self.name, after=after)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job in the list. `seconds`: from the creation to the end, or until now."""

    job: ProcessingJob
    waiting: str | None
    seconds: float


def job_list_routes(jobs: JobReader, waiting_reason: WaitingReason, clock: Clock) -> APIRouter:
    """`/`, and the prefix without its slash."""
    router = APIRouter()

    @router.get("", include_in_schema=False)
    def redirect() -> RedirectResponse:
        return RedirectResponse(f"{ADMIN_PREFIX}/")

    @router.get("/", response_class=HTMLResponse)
    def get_page(filters: Annotated[ListFilters, Query()]) -> HTMLResponse:
        rows, older, error = _rows(jobs, waiting_reason, clock.now(), filters)
        return page(
            "job_list.html", filters=filters, rows=rows, older=older, error=error, statuses=list(ProcessingJobStatus)
        )

    return router


def _rows(
    jobs: JobReader, waiting_reason: WaitingReason, now: datetime, filters: ListFilters
) -> tuple[list[JobRow], str | None, str | None]:
    """The jobs, the address of the older ones, and the sentence of a database that does not work."""
    try:
        found = jobs.list_page(filters.job_query())
    except EmulatorError as error:
        return [], None, str(error)
    rows = [
        JobRow(
            job=job,
            waiting=reason_of(waiting_reason, job),
            seconds=((job.ended_at or now) - job.created_at).total_seconds(),
        )
        for job in found.jobs
    ]
    return rows, None if found.last is None else filters.path("-".join(map(str, found.last))), None
