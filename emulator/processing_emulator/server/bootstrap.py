"""The composition root: makes every object once, in order, and closes them in reverse order.

`adapters.py`, `job_engine.py`, `gateway.py` and `admin.py` make the four pieces; no other package names an adapter.
"""

import logging
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from processing_emulator.aws.http.maintenance_gate import MaintenanceGate
from processing_emulator.aws.protocols.model import SERVED, load_service_model
from processing_emulator.aws.services.latencies import OperationLatencies
from processing_emulator.aws.services.sagemaker.describe_processing_job import description_of
from processing_emulator.config import Settings
from processing_emulator.events.state_changes import StateChanges
from processing_emulator.jobs.changes import JobChanges
from processing_emulator.jobs.request_faults import RequestFaults
from processing_emulator.jobs.retention import Limits, Retention
from processing_emulator.logs.retention import LogRetention
from processing_emulator.open_streams import OpenStreams
from processing_emulator.ports import CancelToken
from processing_emulator.server.adapters import Adapters, open_adapters
from processing_emulator.server.admin import build_admin_app, build_resetter
from processing_emulator.server.event_deliveries import event_deliveries
from processing_emulator.server.gateway import build_gateway, close_s3_proxy, s3_proxy
from processing_emulator.server.job_engine import build_job_engine
from processing_emulator.server.network import url_of
from processing_emulator.server.service_group import ServiceGroup
from processing_emulator.server.startup import Startup
from processing_emulator.server.startup_checks import warn_of_problems

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A server whose engine runs, and that is ready to be served on its sockets.

    Once it is served, `get_ready` applies the seed and runs the ready scripts, and `wind_down` runs the shutdown
    scripts; both take the variables for AWS clients, and raise EmulatorError. `after_ready` loads what the first
    request of a kind would wait for, and logs what a user should know. `end_streams` ends replies that go on, or wait
    for a job, until the server stops.
    """

    asgi: ASGIApp
    sockets: tuple[socket.socket, ...]
    url: str
    port: int
    get_ready: Callable[[Mapping[str, str], CancelToken], None]
    after_ready: Callable[[], None]
    wind_down: Callable[[Mapping[str, str], CancelToken], None]
    end_streams: Callable[[], None]
    jobs_running: Callable[[], int]
    close_http: Callable[[], Awaitable[None]]


@contextmanager
def running(settings: Settings, startup: Startup, flags: Collection[str] = ()) -> Iterator[App]:
    """Make and start everything; on leaving, stop it. Containers of running jobs stay.

    `flags`: the settings that were given on the command line. Raises EmulatorError with a sentence for the user when
    it cannot start.
    """
    models = {name: load_service_model(name) for name in SERVED}  # while the embedded store starts
    with ExitStack() as stack:
        adapters = open_adapters(settings, startup, stack)
        engine = build_job_engine(settings, adapters)
        gate, s3, changes = MaintenanceGate(), s3_proxy(adapters.s3), JobChanges(adapters.stores.jobs)
        latencies, faults = OperationLatencies(), RequestFaults()
        resetter = build_resetter(adapters, engine.scheduler, gate, changes, faults)
        state_changes, streams = StateChanges(adapters.stores.jobs, description_of), OpenStreams()
        admin = build_admin_app(settings, flags, adapters, engine, latencies, resetter, state_changes, streams, faults)
        gateway = build_gateway(
            settings,
            adapters,
            engine,
            models,
            changes=changes,
            streams=streams,
            gate=gate,
            admin=admin,
            s3=s3,
            latencies=latencies,
            faults=faults,
        )
        log_retention = LogRetention(adapters.stores.logs, adapters.clock, settings.reaper_interval_seconds)
        deliveries = event_deliveries(settings, adapters, state_changes)
        retention = _retention(settings, adapters)
        services = ServiceGroup(
            [
                *adapters.s3.services(),
                *deliveries,
                engine.samples,
                engine.scheduler,
                engine.reaper,
                log_retention,
                retention,
            ]
        )
        url = url_of(settings.host, adapters.listening.port)
        services.start()
        stack.callback(services.stop)
        stack.callback(resetter.close)

        def after_ready() -> None:
            logger.info("server ready", extra={"url": url, "s3": adapters.s3.kind})
            s3.warm()
            warn_of_problems(adapters)

        def end_streams() -> None:
            streams.end()
            changes.close()

        yield App(
            asgi=gateway,
            sockets=adapters.listening.sockets,
            url=url,
            port=adapters.listening.port,
            get_ready=lambda variables, cancel: adapters.hooks.get_ready(adapters.s3.access(), variables, cancel),
            after_ready=after_ready,
            wind_down=adapters.hooks.wind_down,
            end_streams=end_streams,
            jobs_running=engine.scheduler.count_running,
            close_http=lambda: close_s3_proxy(s3),
        )


def _retention(settings: Settings, adapters: Adapters) -> Retention:
    limits = Limits(
        jobs_days=settings.jobs_kept_days,
        metrics_days=settings.metrics_kept_days,
        most_bytes=settings.database_mib * 1024**2 if settings.database_mib else None,
    )
    stores, interval = adapters.stores, settings.reaper_interval_seconds
    return Retention(stores.removal, stores.jobs, stores.metrics, stores.logs, adapters.clock, limits, interval)
