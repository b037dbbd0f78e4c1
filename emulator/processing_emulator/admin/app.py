"""The FastAPI application of the emulator's own endpoints, below `/_emulator`.

Only a reset, the clearing of the cache and faults that a test asks for change anything.
"""

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from processing_emulator.admin.dashboard.routes import dashboard_routes
from processing_emulator.admin.event_routes import event_routes
from processing_emulator.admin.fault_routes import fault_routes
from processing_emulator.admin.job_routes import job_routes
from processing_emulator.admin.kept_routes import KeptJobs, kept_routes
from processing_emulator.admin.log_routes import log_routes
from processing_emulator.admin.metric_routes import metric_routes
from processing_emulator.admin.prometheus_metrics import MetricSources
from processing_emulator.admin.server_routes import ServerControls, alias_routes, server_routes
from processing_emulator.admin.waiting import WaitingReason
from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.domain.instance_prices import PriceTable
from processing_emulator.errors import StoreFull
from processing_emulator.events.state_changes import StateChanges
from processing_emulator.jobs.request_faults import RequestFaults
from processing_emulator.open_streams import OpenStreams
from processing_emulator.ports import Clock, JobStore, LogStore, MetricStore, ObjectStore


def admin_app(
    *,
    store: JobStore,
    logs: LogStore,
    metrics: MetricStore,
    objects: ObjectStore,
    waiting_reason: WaitingReason,
    server: ServerControls,
    sources: MetricSources,
    state_changes: StateChanges,
    streams: OpenStreams,
    faults: RequestFaults,
    operations: Mapping[str, Collection[str]],
    prices: PriceTable,
    kept: KeptJobs,
    engine_address: str | None,
    clock: Clock,
) -> FastAPI:
    """The application. `operations`: those of AWS that are served, by service. `engine_address`: see `kept_routes`.

    It has no documentation pages, because FastAPI's load scripts from the internet.
    """
    app = FastAPI(
        title="Processing Emulator",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    routers = (
        *dashboard_routes(
            jobs=store,
            logs=logs,
            metrics=metrics,
            objects=objects,
            waiting_reason=waiting_reason,
            server=server,
            sources=sources,
            prices=prices,
            clock=clock,
        ),
        server_routes(server),
        fault_routes(faults, operations),
        job_routes(store, metrics, waiting_reason, prices, clock),
        kept_routes(store, kept, engine_address, clock),
        log_routes(store, logs, streams),
        event_routes(state_changes, store, streams),
        metric_routes(sources),
    )
    for router in routers:
        app.include_router(router, prefix=ADMIN_PREFIX)
    app.include_router(alias_routes(server))
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    app.add_exception_handler(StoreFull, _disk_full)
    app.add_exception_handler(Exception, _internal_error)
    return app


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    sentence = str(error.detail)
    if sentence == "Not Found":  # Starlette's own words for a path without a route
        sentence = f"There is nothing at {request.url.path[:255]}; {ADMIN_PREFIX}/ lists the emulator's own pages."
    elif sentence == "Method Not Allowed":
        allowed = (error.headers or {}).get("Allow", "another method")
        sentence = f"{request.url.path[:255]} takes {allowed}, not {request.method[:32]}."
    return JSONResponse({"error": sentence}, error.status_code, dict(error.headers or {}))


async def _invalid_parameters(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return JSONResponse({"error": "; ".join(map(_sentence, error.errors()))}, 400)


def _sentence(item: Mapping[str, Any]) -> str:
    name = str(item["loc"][-1])[:64]
    if item["type"] == "extra_forbidden":
        return f"{name} is not a parameter of this request"
    return f"{name}: {item['msg']}"


async def _disk_full(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 507)


async def _internal_error(_request: Request, _error: Exception) -> JSONResponse:
    """The gateway logs it; here only the form of the reply is made."""
    return JSONResponse({"error": "The emulator could not answer; its log says why."}, 500)
