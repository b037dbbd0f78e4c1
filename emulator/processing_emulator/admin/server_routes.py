"""What concerns the server as a whole: health, settings, init stages, reset; and what other emulators call these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from processing_emulator.admin.reset import ExternalStoreStays, ResetScope
from processing_emulator.errors import EmulatorError, StartFailure

Document = Mapping[str, object]
"""JSON values only."""

_MEMBERS = {"sagemaker": ("database", "scheduler", "docker"), "s3": ("s3",)}
"""Which parts each AWS service here needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerControls:
    """The server, as its own endpoints see it. `reset` takes what to reset, and whether an external store is meant."""

    health: Callable[[], Document]
    config: Callable[[], Document]
    init: Callable[[], Document]
    reset: Callable[[ResetScope, bool], Document]


def server_routes(server: ServerControls) -> APIRouter:
    """Below the emulator's own prefix."""
    router = APIRouter()

    @router.get("/health")
    @router.head("/health")
    def get_health() -> JSONResponse:
        return JSONResponse(dict(server.health()))

    @router.get("/config")
    def get_config() -> JSONResponse:
        return JSONResponse(dict(server.config()))

    @router.get("/init")
    def get_init() -> JSONResponse:
        return JSONResponse(dict(server.init()))

    @router.post("/reset")
    def reset(scope: ResetScope = ResetScope.ALL, external: bool = False) -> JSONResponse:
        return _reset(server, scope, external=external)

    return router


def alias_routes(server: ServerControls) -> APIRouter:
    """Where users of other emulators look: LocalStack's health and reset, and moto's reset."""
    router = APIRouter()

    @router.get("/_localstack/health")
    @router.head("/_localstack/health")
    def get_health() -> JSONResponse:
        health = server.health()
        return JSONResponse(_as_localstack(health))

    @router.post("/_localstack/state/reset")
    @router.post("/moto-api/reset")
    def reset() -> JSONResponse:
        return _reset(server, ResetScope.ALL, external=False)

    return router


def _reset(server: ServerControls, scope: ResetScope, *, external: bool) -> JSONResponse:
    """409: nothing was touched, and asking again in the same way is no use. 503: it is worth another try."""
    try:
        return JSONResponse(dict(server.reset(scope, external)))
    except (ExternalStoreStays, StartFailure) as error:
        return JSONResponse({"error": str(error)}, 409)
    except EmulatorError as error:
        return JSONResponse({"error": f"The reset is not complete, ask for it again: {error}"}, 503)


def _as_localstack(health: Document) -> dict[str, object]:
    parts = health["services"]
    well = {name for name, part in parts.items() if part["status"] == "ok"} if isinstance(parts, Mapping) else set()
    services = {name: "running" if well.issuperset(needed) else "error" for name, needed in _MEMBERS.items()}
    return {"services": services, "edition": "processing-emulator", "version": health["version"]}
