"""The server as a whole: health, settings, init stages and reset, and the same at other emulators' paths."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from processing_emulator.admin.parameters import ResetParameters
from processing_emulator.admin.reset import ExternalStoreKept, ResetScope
from processing_emulator.errors import EmulatorError, StartFailure

Document = Mapping[str, object]
"""JSON values only."""

_NEEDED_BY = {"sagemaker": ("database", "scheduler", "docker"), "s3": ("s3",)}
"""What each AWS service needs to be healthy, for LocalStack's form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerControls:
    """What the endpoints need of the server. `reset` takes the scope, and whether to empty an external store, too."""

    health: Callable[[], Document]
    config: Callable[[], Document]
    init: Callable[[], Document]
    cache: Callable[[], Document]
    clear_cache: Callable[[], None]
    reset: Callable[[ResetScope, bool], Document]


def server_routes(server: ServerControls) -> APIRouter:
    """Below the emulator's own prefix."""
    router = APIRouter()

    @router.head("/health")
    @router.get("/health")
    def get_health() -> JSONResponse:
        return JSONResponse(dict(server.health()))

    @router.get("/config")
    def get_config() -> JSONResponse:
        return JSONResponse(dict(server.config()))

    @router.get("/init")
    def get_init() -> JSONResponse:
        return JSONResponse(dict(server.init()))

    @router.get("/cache")
    def get_cache() -> JSONResponse:
        return JSONResponse(dict(server.cache()))

    @router.delete("/cache")
    def clear_cache() -> JSONResponse:
        server.clear_cache()
        return JSONResponse(dict(server.cache()))

    @router.post("/reset")
    def reset(query: Annotated[ResetParameters, Query()]) -> JSONResponse:
        return _reset(server, query.scope, external=query.external)

    return router


def alias_routes(server: ServerControls) -> APIRouter:
    """The paths of LocalStack's health and reset, and of moto's reset."""
    router = APIRouter()

    @router.head("/_localstack/health")
    @router.get("/_localstack/health")
    def get_health() -> JSONResponse:
        health = server.health()
        return JSONResponse(_as_localstack(health))

    @router.post("/_localstack/state/reset")
    @router.post("/moto-api/reset")
    def reset() -> JSONResponse:
        return _reset(server, ResetScope.ALL, external=False)

    return router


def _reset(server: ServerControls, scope: ResetScope, *, external: bool) -> JSONResponse:
    """409: nothing was changed, and the same request would fail again. 503: try again."""
    try:
        return JSONResponse(dict(server.reset(scope, external)))
    except (ExternalStoreKept, StartFailure) as error:
        return JSONResponse({"error": str(error)}, 409)
    except EmulatorError as error:
        return JSONResponse({"error": f"The reset is not complete, ask for it again: {error}"}, 503)


def _as_localstack(health: Document) -> dict[str, object]:
    states = health["services"]
    healthy = (
        {name for name, state in states.items() if state["status"] == "ok"} if isinstance(states, Mapping) else set()
    )
    services = {name: "running" if healthy.issuperset(needed) else "error" for name, needed in _NEEDED_BY.items()}
    return {"services": services, "edition": "processing-emulator", "version": health["version"]}
