"""What the containers of a job have printed."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from processing_emulator.admin.parameters import JobName, LogParameters
from processing_emulator.admin.views import log_document
from processing_emulator.ports import JobStore, LogStore


def log_routes(store: JobStore, logs: LogStore) -> APIRouter:
    """`/jobs/NAME/logs`."""
    router = APIRouter()

    @router.get("/jobs/{name}/logs")
    def get_logs(name: JobName, query: Annotated[LogParameters, Query()]) -> JSONResponse:
        job = query.find_job(store, name)
        lines = logs.read(job.id, query.host_index, query.from_seq, query.limit)
        return JSONResponse(log_document(lines, query.from_seq))

    return router
