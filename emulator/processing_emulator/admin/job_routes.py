"""Jobs, with everything that is known of them."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from processing_emulator.admin.parameters import JobName, JobParameters
from processing_emulator.admin.views import job_document
from processing_emulator.ports import JobStore, SampleStore


def job_routes(store: JobStore, samples: SampleStore) -> APIRouter:
    """`/jobs/NAME`."""
    router = APIRouter()

    @router.get("/jobs/{name}")
    def get_job(name: JobName, query: Annotated[JobParameters, Query()]) -> JSONResponse:
        job = query.find_job(store, name)
        document = job_document(
            job,
            unfinished=store.list_unfinished(),
            instances=[(record, samples.peaks(job.id, record.index)) for record in store.list_instances(job.id)],
            events=store.list_events(job.id),
        )
        return JSONResponse(document)

    return router
