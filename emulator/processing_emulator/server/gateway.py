"""Makes the gateway: the AWS services over the job engine and the adapters, and the applications next to them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.types import ASGIApp

from processing_emulator.admin.lazy_app import LazyApp
from processing_emulator.aws.gateway import create_app
from processing_emulator.aws.http.admin_guard import AdminGuardMiddleware
from processing_emulator.aws.http.maintenance_gate import MaintenanceGate
from processing_emulator.aws.protocols.model import ServiceModel
from processing_emulator.aws.services.catalogue import (
    cloudwatch,
    cloudwatch_logs,
    container_registry,
    event_bridge,
    identity_and_access,
    sagemaker,
    token_service,
)
from processing_emulator.aws.services.dispatcher import Dispatcher
from processing_emulator.aws.services.latencies import OperationLatencies
from processing_emulator.config import Settings
from processing_emulator.jobs.changes import JobChanges
from processing_emulator.jobs.listing import JobListing
from processing_emulator.jobs.request_faults import RequestFaults
from processing_emulator.jobs.service import JobService
from processing_emulator.jobs.tags import JobTags
from processing_emulator.open_streams import OpenStreams
from processing_emulator.server.adapters import Adapters
from processing_emulator.server.job_engine import JobEngine
from processing_emulator.server.s3_store import S3Part

if TYPE_CHECKING:
    from processing_emulator.aws.s3.proxy import S3Proxy


def build_gateway(
    settings: Settings,
    adapters: Adapters,
    engine: JobEngine,
    models: Mapping[str, ServiceModel],
    *,
    changes: JobChanges,
    streams: OpenStreams,
    gate: MaintenanceGate,
    admin: ASGIApp,
    s3: ASGIApp,
    latencies: OperationLatencies,
    faults: RequestFaults,
) -> ASGIApp:
    """The application of everything that is served on the port."""
    jobs, clock, keys = adapters.stores.jobs, adapters.clock, adapters.keys
    service = JobService(
        store=jobs,
        clock=clock,
        wakeup=engine.scheduler,
        quotas=settings.quotas,
        image_map=settings.image_map,
        check_image_region=settings.check_image_region,
        on_kept_job_deleted=engine.reaper.wake,
        catalogue=lambda: adapters.hooks.catalogue() if adapters.queries.is_installed() else None,
    )
    services = (
        sagemaker(service=service, listing=JobListing(store=jobs), tags=JobTags(store=jobs)),
        cloudwatch_logs(adapters.stores.logs, clock),
        cloudwatch(adapters.stores.metrics, adapters.stores.alarms, clock),
        event_bridge(adapters.stores.rules),
        container_registry(clock),
        token_service(keys, clock),
        identity_and_access(),
    )
    address = adapters.location.address
    return create_app(
        dispatcher=Dispatcher(services, models.__getitem__, latencies, faults),
        account_of=keys.account_of,
        admin=admin,
        s3=s3,
        changes=changes,
        streams=streams,
        gate=gate,
        allowed_hosts=(*settings.allowed_hosts, *([address] if address else [])),
        signature_check=[_signature_check(adapters)] if settings.enforce_signatures else [],
        admin_guard=[] if settings.container_admin else [_admin_guard(adapters)],
    )


def _admin_guard(adapters: Adapters) -> Middleware:
    return Middleware(AdminGuardMiddleware, job_addresses=adapters.runtime.job_addresses)


def _signature_check(adapters: Adapters) -> Middleware:
    from processing_emulator.aws.signatures.check import SignatureCheck  # botocore takes 200 ms to import

    return Middleware(SignatureCheck, credentials=adapters.keys, clock=adapters.clock)


def s3_proxy(s3: S3Part) -> "LazyApp[S3Proxy]":
    """What passes S3 requests on, loaded late: aiohttp takes as long to import as SQLAlchemy."""

    def build() -> "S3Proxy":
        from processing_emulator.aws.s3.proxy import S3Proxy

        return S3Proxy(s3.endpoint, middleware=s3.middleware())

    return LazyApp(build)


async def close_s3_proxy(proxy: "LazyApp[S3Proxy]") -> None:
    """Close its connections, if it was used at all."""
    if proxy.built is not None:
        await proxy.built.close()
