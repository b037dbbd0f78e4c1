"""All routes of the dashboard."""

from fastapi import APIRouter

from processing_emulator.admin.dashboard.comparison import comparison_routes
from processing_emulator.admin.dashboard.file_pages import file_routes
from processing_emulator.admin.dashboard.job_list import job_list_routes
from processing_emulator.admin.dashboard.job_page import job_page_routes
from processing_emulator.admin.dashboard.machine_page import machine_routes
from processing_emulator.admin.dashboard.static_files import static_routes
from processing_emulator.admin.prometheus_metrics import MetricSources
from processing_emulator.admin.server_routes import ServerControls
from processing_emulator.admin.waiting import WaitingReason
from processing_emulator.domain.instance_prices import PriceTable
from processing_emulator.ports import Clock, JobStore, LogStore, MetricStore, ObjectStore


def dashboard_routes(
    *,
    jobs: JobStore,
    logs: LogStore,
    metrics: MetricStore,
    objects: ObjectStore,
    waiting_reason: WaitingReason,
    server: ServerControls,
    sources: MetricSources,
    prices: PriceTable,
    clock: Clock,
) -> tuple[APIRouter, ...]:
    """The pages, and what they load."""
    return (
        job_list_routes(jobs, waiting_reason, clock),
        job_page_routes(jobs, logs, metrics, waiting_reason, prices, clock),
        file_routes(jobs, objects),
        comparison_routes(jobs, metrics, clock),
        machine_routes(jobs, server, sources, waiting_reason),
        static_routes(),
    )
