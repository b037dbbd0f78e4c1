"""The page for browsers."""

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from processing_emulator.admin.page import render_page
from processing_emulator.admin.server_routes import ServerControls
from processing_emulator.admin.views import Document, job_summary
from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.errors import EmulatorError
from processing_emulator.ports import JobQuery, JobReader, SortBy

RECENT_JOBS = 25

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Nothing is loaded from anywhere, and no other page may show this one in a frame."""


def page_routes(server: ServerControls, jobs: JobReader) -> APIRouter:
    """`/`, and the prefix without its slash."""
    router = APIRouter()

    @router.get("", include_in_schema=False)
    def redirect() -> RedirectResponse:
        return RedirectResponse(f"{ADMIN_PREFIX}/")

    @router.get("/", response_class=HTMLResponse)
    def get_page() -> HTMLResponse:
        return HTMLResponse(render_page(server.health(), _recent_jobs(jobs)), headers=_HEADERS)

    return router


def _recent_jobs(jobs: JobReader) -> Sequence[Document] | str:
    """Summaries, or the sentence of a database that does not work; the page shows its health all the same."""
    query = JobQuery(account=None, region=None, limit=RECENT_JOBS, sort_by=SortBy.ID, descending=True)
    try:
        return [job_summary(job) for job in jobs.list_page(query).jobs]
    except EmulatorError as error:
        return str(error)
