"""What Prometheus scrapes."""

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from processing_emulator.admin.prometheus_metrics import MetricSources, prometheus_text


def metric_routes(sources: MetricSources) -> APIRouter:
    """`/metrics`."""
    router = APIRouter()

    @router.get("/metrics")
    def get_metrics() -> Response:
        return Response(prometheus_text(sources), media_type=CONTENT_TYPE_LATEST)

    return router
