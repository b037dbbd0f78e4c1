"""Makes the application of the emulator's own endpoints, and the reset behind one of them."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp

from processing_emulator.admin.health import HealthChecks
from processing_emulator.admin.lazy_app import LazyApp
from processing_emulator.admin.reset import ResetSteps, Resetter
from processing_emulator.aws.http.maintenance_gate import MaintenanceGate
from processing_emulator.aws.protocols.model import SERVED
from processing_emulator.aws.services.latencies import OperationLatencies
from processing_emulator.config import Runner, Settings
from processing_emulator.engine.scheduler import ResetResult, Scheduler
from processing_emulator.events.state_changes import StateChanges
from processing_emulator.jobs.changes import JobChanges
from processing_emulator.jobs.request_faults import RequestFaults
from processing_emulator.open_streams import OpenStreams
from processing_emulator.server.adapters import Adapters
from processing_emulator.server.health import config_document, health_checks, health_document
from processing_emulator.server.job_engine import JobEngine
from processing_emulator.server.price_table import price_table_of


def build_resetter(
    adapters: Adapters, scheduler: Scheduler, gate: MaintenanceGate, changes: JobChanges, faults: RequestFaults
) -> Resetter:
    """A reset of everything that is stored here."""
    s3, hooks = adapters.s3, adapters.hooks

    def forget_jobs() -> ResetResult:
        faults.clear()
        return scheduler.reset()

    return Resetter(
        ResetSteps(
            forget_jobs=forget_jobs,
            empty_s3=s3.empty,
            s3_is_external=s3.kind == "external",
            read_seed=lambda: hooks.load_seed(s3.access()),
            closed=lambda: _undisturbed(adapters, gate, changes),
        )
    )


def build_admin_app(
    settings: Settings,
    flags: Collection[str],
    adapters: Adapters,
    engine: JobEngine,
    latencies: OperationLatencies,
    resetter: Resetter,
    state_changes: StateChanges,
    streams: OpenStreams,
    faults: RequestFaults,
) -> LazyApp[ASGIApp]:
    """The application, which is loaded on its first request: FastAPI takes longer to import than everything else.

    Raises StartFailure when the user's price table is wrong.
    """
    prices = price_table_of(settings)
    stores, hooks = adapters.stores, adapters.hooks
    scheduler = engine.scheduler
    health = HealthChecks(health_checks(adapters, scheduler, simulated=settings.runner is Runner.SIMULATE))

    def build() -> ASGIApp:
        from processing_emulator.admin.app import admin_app
        from processing_emulator.admin.cache_document import cache_document
        from processing_emulator.admin.server_routes import ServerControls
        from processing_emulator.server.metric_sources import metric_sources

        server = ServerControls(
            health=lambda: health_document(health.states(), hooks.progress()),
            config=lambda: config_document(settings, flags),
            init=hooks.state,
            cache=lambda: cache_document(adapters.cache.state()),
            clear_cache=adapters.cache.clear,
            reset=lambda scope, external: resetter.reset(scope, external=external),
        )
        return admin_app(
            store=stores.jobs,
            logs=stores.logs,
            metrics=stores.metrics,
            objects=adapters.objects,
            waiting_reason=scheduler.waiting_reason,
            server=server,
            sources=metric_sources(stores.jobs, engine, latencies),
            state_changes=state_changes,
            streams=streams,
            faults=faults,
            operations=SERVED,
            prices=prices,
            kept=engine.debug,
            engine_address=adapters.engine_address(),
            clock=adapters.clock,
        )

    return LazyApp(build)


@contextmanager
def _undisturbed(adapters: Adapters, gate: MaintenanceGate, changes: JobChanges) -> Iterator[None]:
    """After the seed of the start was applied, while other requests wait, and with the disk's reserve to work in."""
    with adapters.hooks.seeding, gate.closed():
        changes.end_waits()
        adapters.reserve.release()
        try:
            yield
        finally:
            adapters.reserve.hold()
