"""The scripts and styles of the pages, from this package, with types that no browser has to guess."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from processing_emulator.admin.dashboard.paths import DASHBOARD
from processing_emulator.admin_prefix import ADMIN_PREFIX

_TYPES = {
    "dashboard.css": "text/css; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
    "curves.js": "text/javascript; charset=utf-8",
    "log.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "vendor/htmx.min.js": "text/javascript; charset=utf-8",
    "vendor/uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "vendor/uPlot.min.css": "text/css; charset=utf-8",
}

_HEADERS: Mapping[str, str] = {
    "Cache-Control": "private, max-age=86400, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def static_routes() -> APIRouter:
    """`/static/NAME`; the query is ignored."""
    router = APIRouter(prefix=DASHBOARD)

    @router.get("/static/{name:path}")
    def get_file(name: str) -> Response:
        if name not in _TYPES:
            raise HTTPException(404)
        return Response(_content(name), media_type=_TYPES[name], headers=_HEADERS)

    return router


@cache
def static_path(name: str) -> str:
    """The address of a file. It changes with the content, so that browsers may keep what they have."""
    digest = hashlib.sha256(_content(name)).hexdigest()[:12]
    return f"{ADMIN_PREFIX}{DASHBOARD}/static/{name}?v={digest}"


@cache
def _content(name: str) -> bytes:
    return resources.files("processing_emulator.admin.dashboard").joinpath("static", *name.split("/")).read_bytes()
