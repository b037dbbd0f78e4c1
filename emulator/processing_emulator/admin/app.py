"""The FastAPI application of the emulator's own endpoints. Reads the stores; only a reset changes anything."""

import re
from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from processing_emulator.admin.server_routes import ServerControls, alias_routes, server_routes
from processing_emulator.admin.views import job_document, log_document
from processing_emulator.domain.identity import DEFAULT_ACCOUNT, DEFAULT_REGION
from processing_emulator.domain.job import JobKey, ProcessingJob
from processing_emulator.ports import JobStore, LogStore, SampleStore

PREFIX = "/_emulator"
MOST_LINES = 10_000
"""Lines of a log in one reply."""

_HOST = re.compile(r"algo-([1-9][0-9]{0,2})")
_MOST_SEQ = 2**53
_Name = Annotated[str, Path(pattern="^[a-zA-Z0-9-]{1,63}$")]
_Account = Annotated[str, Query(pattern="^[0-9]{12}$")]
_Region = Annotated[str, Query(pattern="^[a-z0-9-]{1,32}$")]


def control_app(*, store: JobStore, logs: LogStore, samples: SampleStore, server: ServerControls) -> FastAPI:
    """The application. It has no documentation pages, because FastAPI's load scripts from the internet."""
    app = FastAPI(
        title="Processing Emulator",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.include_router(server_routes(server), prefix=PREFIX)
    app.include_router(alias_routes(server))
    app.include_router(_job_routes(store, logs, samples), prefix=PREFIX)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _bad_query)
    app.add_exception_handler(Exception, _fault)
    return app


def _job_routes(store: JobStore, logs: LogStore, samples: SampleStore) -> APIRouter:
    router = APIRouter()

    def find_job(name: str, account: str, region: str) -> ProcessingJob:
        job = store.find(JobKey(account=account, region=region, name=name))
        if job is None:
            raise HTTPException(404, f"There is no processing job {name} in account {account}, region {region}.")
        return job

    @router.get("/jobs/{name}")
    def get_job(name: _Name, account: _Account = DEFAULT_ACCOUNT, region: _Region = DEFAULT_REGION) -> JSONResponse:
        job = find_job(name, account, region)
        document = job_document(
            job,
            unfinished=store.list_unfinished(),
            instances=[(record, samples.peaks(job.id, record.index)) for record in store.list_instances(job.id)],
            events=store.list_events(job.id),
        )
        return JSONResponse(document)

    @router.get("/jobs/{name}/logs")
    def get_logs(
        name: _Name,
        host: str = "algo-1",
        from_seq: Annotated[int, Query(alias="from", ge=0, le=_MOST_SEQ)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 1000,
        account: _Account = DEFAULT_ACCOUNT,
        region: _Region = DEFAULT_REGION,
    ) -> JSONResponse:
        job = find_job(name, account, region)
        return JSONResponse(log_document(logs.read(job.id, _index_of(host), from_seq, limit), from_seq))

    return router


def _index_of(host: str) -> int:
    match = _HOST.fullmatch(host)
    if match is None:
        raise HTTPException(404, f"There is no host {host[:64]}; hosts are called algo-1, algo-2 and so on.")
    return int(match[1]) - 1


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": str(error.detail)}, error.status_code, dict(error.headers or {}))


async def _bad_query(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    sentences = [f"{'.'.join(str(step) for step in item['loc'])}: {item['msg']}" for item in error.errors()]
    return JSONResponse({"error": "; ".join(sentences)}, 400)


async def _fault(_request: Request, _error: Exception) -> JSONResponse:
    """The front door logs it; here only the form of the reply is made."""
    return JSONResponse({"error": "The emulator could not answer; its log says why."}, 500)
