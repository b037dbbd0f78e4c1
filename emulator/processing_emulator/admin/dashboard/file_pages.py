"""The list of a job's files, the preview of one, and its picture."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from processing_emulator.admin.dashboard.job_files import Direction, Folder, beginning_of, folders_of, listing_of
from processing_emulator.admin.dashboard.pages import page
from processing_emulator.admin.dashboard.paths import DASHBOARD
from processing_emulator.admin.dashboard.preview import PICTURE_BYTES, PREVIEW_BYTES, picture_type_of, preview_of
from processing_emulator.admin.parameters import JobName, JobParameters
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.errors import EmulatorError, Unsupported
from processing_emulator.ports import JobStore, ObjectStore

_PICTURE_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class FileParameters(JobParameters):
    """An object of one of a job's inputs or outputs."""

    direction: Direction
    number: int = Field(ge=0, le=1000)
    key: str = Field(max_length=1024)


def file_routes(jobs: JobStore, objects: ObjectStore) -> APIRouter:
    """`/jobs/NAME/files`, `/jobs/NAME/preview` and `/jobs/NAME/picture`."""
    router = APIRouter(prefix=DASHBOARD)

    @router.get("/jobs/{name}/files", response_class=HTMLResponse)
    def get_files(name: JobName, query: Annotated[JobParameters, Query()]) -> HTMLResponse:
        job = query.find_job(jobs, name)
        try:
            listings = [listing_of(objects, folder) for folder in folders_of(job)]
        except Unsupported as error:
            return page("files.html", job=job, listings=[], error=str(error))
        return page("files.html", job=job, listings=listings, error=None)

    @router.get("/jobs/{name}/preview", response_class=HTMLResponse)
    def get_preview(name: JobName, query: Annotated[FileParameters, Query()]) -> HTMLResponse:
        job = query.find_job(jobs, name)
        folder = _folder(job, query)
        try:
            found, content = beginning_of(objects, folder.uri.bucket, query.key, PREVIEW_BYTES)
        except EmulatorError as error:
            return page("preview.html", 404, job=job, folder=folder, query=query, found=None, error=str(error))
        preview = preview_of(query.key, content, found.size_bytes)
        return page("preview.html", job=job, folder=folder, query=query, found=found, preview=preview, error=None)

    @router.get("/jobs/{name}/picture")
    def get_picture(name: JobName, query: Annotated[FileParameters, Query()]) -> Response:
        folder = _folder(query.find_job(jobs, name), query)
        try:
            found, content = beginning_of(objects, folder.uri.bucket, query.key, PICTURE_BYTES)
        except EmulatorError as error:
            raise HTTPException(404, str(error)) from error
        media_type = picture_type_of(content)
        if media_type is None or found.size_bytes > PICTURE_BYTES:
            raise HTTPException(415, "This object is not a picture that is shown: PNG, JPEG, GIF or WebP, up to 8 MiB.")
        return Response(content, media_type=media_type, headers=_PICTURE_HEADERS)

    return router


def _folder(job: ProcessingJob, query: FileParameters) -> Folder:
    """The input or output that the object belongs to. Raises HTTPException 404."""
    for folder in folders_of(job):
        if (folder.direction, folder.number) == (query.direction, query.number) and folder.holds(query.key):
            return folder
    raise HTTPException(404, "The job has no such input or output with this object.")
