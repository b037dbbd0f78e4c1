"""Makes the HTML of the pages. Every value is escaped, because a job's author chooses most of them."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from processing_emulator import __version__
from processing_emulator.admin.dashboard.paths import DASHBOARD, document_path, job_path, list_path
from processing_emulator.admin.dashboard.static_files import static_path
from processing_emulator.admin.views import moment
from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.quantities import duration, size

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Only files of this server are loaded, no script or style stands in a page, and no other site's page embeds one."""


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page from one of the templates."""
    return HTMLResponse(_environment().get_template(template).render(values), status, dict(SECURITY_HEADERS))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("processing_emulator.admin.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "size": size, "at": _at}
    environment.globals |= {
        "version": __version__,
        "prefix": ADMIN_PREFIX,
        "dashboard": f"{ADMIN_PREFIX}{DASHBOARD}",
        "static_path": static_path,
        "job_path": job_path,
        "document_path": document_path,
        "list_path": list_path,
    }
    return environment


def _at(value: datetime | None) -> str:
    """`2026-01-31 12:00:00.000`, UTC."""
    return (moment(value) or "-").replace("T", " ").removesuffix("Z")
