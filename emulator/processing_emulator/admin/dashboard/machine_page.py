"""The page of the machine: what it has, what runs and waits, and the health of the server's parts."""

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from processing_emulator.admin.dashboard.pages import page
from processing_emulator.admin.dashboard.paths import DASHBOARD
from processing_emulator.admin.prometheus_metrics import MetricSources
from processing_emulator.admin.server_routes import ServerControls
from processing_emulator.admin.waiting import WaitingReason
from processing_emulator.domain.capacity import NodeCapacity
from processing_emulator.domain.phase import JobPhase
from processing_emulator.errors import EmulatorError
from processing_emulator.ports import JobReader
from processing_emulator.quantities import size

MOST_JOBS = 100
"""Shown of those that run, and of those that wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One resource of the machine; `percent` of it is held by jobs."""

    title: str
    held: str
    total: str
    percent: float


def machine_routes(
    jobs: JobReader, server: ServerControls, sources: MetricSources, waiting_reason: WaitingReason
) -> APIRouter:
    """`/machine`."""
    router = APIRouter(prefix=DASHBOARD)

    @router.get("/machine", response_class=HTMLResponse)
    def get_page() -> HTMLResponse:
        health, gauges, error = server.health(), [], None
        running, waiting = [], []
        try:
            unfinished = jobs.list_unfinished()
            running = [job for job in unfinished if job.phase is not JobPhase.PENDING]
            waiting = [(job, waiting_reason(job.id)) for job in unfinished if job.phase is JobPhase.PENDING]
            gauges = _gauges(sources.capacity(), sources)
        except EmulatorError as failure:
            error = str(failure)
        return page(
            "machine.html", health=health, gauges=gauges, error=error, running=running, waiting=waiting, most=MOST_JOBS
        )

    return router


def _gauges(capacity: NodeCapacity, sources: MetricSources) -> list[Gauge]:
    held = sources.held()
    return [
        Gauge(
            title="vCPUs",
            held=f"{held.vcpus:g}",
            total=f"{capacity.vcpus:g}",
            percent=_percent(held.vcpus, capacity.vcpus),
        ),
        Gauge(
            title="Memory",
            held=size(held.memory_bytes),
            total=size(capacity.memory_bytes),
            percent=_percent(held.memory_bytes, capacity.memory_bytes),
        ),
        Gauge(
            title="GPUs",
            held=str(held.gpus),
            total=str(len(capacity.gpu_ids)),
            percent=_percent(held.gpus, len(capacity.gpu_ids)),
        ),
    ]


def _percent(part: float, whole: float) -> float:
    return round(min(100.0, 100 * part / whole), 2) if whole else 0.0
