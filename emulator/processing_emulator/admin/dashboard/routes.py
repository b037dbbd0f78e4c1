"""All routes of the dashboard."""

from fastapi import APIRouter

from processing_emulator.admin.dashboard.job_list import job_list_routes
from processing_emulator.admin.dashboard.job_page import job_page_routes
from processing_emulator.admin.dashboard.static_files import static_routes
from processing_emulator.admin.waiting import WaitingReason
from processing_emulator.ports import Clock, JobStore, LogStore, MetricStore


def dashboard_routes(
    *, jobs: JobStore, logs: LogStore, metrics: MetricStore, waiting_reason: WaitingReason, clock: Clock
) -> tuple[APIRouter, ...]:
    """The pages, and what they load."""
    return (
        job_list_routes(jobs, waiting_reason, clock),
        job_page_routes(jobs, logs, metrics, waiting_reason, clock),
        static_routes(),
    )
