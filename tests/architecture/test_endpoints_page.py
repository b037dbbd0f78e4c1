"""docs/reference/operations.md lists every `/_emulator` endpoint, and no other."""

import re
from pathlib import Path

from fastapi.openapi.utils import get_openapi

from processing_emulator.admin.app import admin_app
from processing_emulator.admin.server_routes import ServerControls
from processing_emulator.aws.services.sagemaker.describe_processing_job import description_of
from processing_emulator.domain.instance_prices import packaged_prices
from processing_emulator.events.state_changes import StateChanges
from processing_emulator.jobs.request_faults import RequestFaults
from processing_emulator.open_streams import OpenStreams
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore
from tests.fakes.object_store import MemoryObjectStore
from tests.unit.admin.kept_jobs import NothingKept
from tests.unit.admin.metric_sources import sources
from tests.unit.jobs.job_requests import StepClock

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "operations.md"


def _routes() -> set[str]:
    jobs = MemoryJobStore()
    server = ServerControls(
        health=dict, config=dict, init=dict, cache=dict, clear_cache=lambda: None, reset=lambda _scope, _external: {}
    )
    app = admin_app(
        store=jobs,
        logs=MemoryLogStore(jobs),
        metrics=MemoryMetricStore(jobs),
        objects=MemoryObjectStore(),
        waiting_reason=lambda _job_id: None,
        server=server,
        sources=sources(),
        state_changes=StateChanges(jobs, description_of),
        streams=OpenStreams(),
        faults=RequestFaults(),
        operations={},
        prices=packaged_prices(),
        kept=NothingKept(),
        engine_address=None,
        clock=StepClock(),
    )
    described = get_openapi(title="", version="", routes=app.routes)["paths"]
    return {
        f"{method.upper()} {re.sub('{[^}]*}', lambda match: match[0][1:-1].upper(), path)}"
        for path, methods in described.items()
        for method in methods
        if method != "head"
    }


def test_page_has_one_row_per_endpoint() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The emulator's own endpoints")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`?]+)(?:\?[^`]*)?` \|", section, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == _routes()
