"""The composition root: makes every object once, in order, and lets go of them in reverse. Alone names adapters."""

import socket
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from processing_emulator.adapters.clock import SystemClock
from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.host import DockerHostProbe
from processing_emulator.adapters.docker_runtime.network import SelfContainer, bridge_gateway, find_self
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.adapters.listener import listen
from processing_emulator.adapters.nvml.probe import NvmlProbe
from processing_emulator.adapters.sql_store.store import Stores, open_store
from processing_emulator.admin.health import HealthChecks
from processing_emulator.admin.lazy_app import LazyApp
from processing_emulator.admin.reset import ResetSteps, Resetter
from processing_emulator.aws.gateway import front_door
from processing_emulator.aws.http.maintenance_gate import Gate
from processing_emulator.aws.protocols.model import load_service_model
from processing_emulator.aws.services.catalogue import (
    JSON_SERVICES,
    cloudwatch_logs,
    container_registry,
    json_dispatcher,
    query_services,
    sagemaker,
)
from processing_emulator.aws.services.query_service import QueryDispatcher
from processing_emulator.aws.signatures.container_session import session_issuer
from processing_emulator.aws.signatures.credentials import KeyRing
from processing_emulator.aws.signatures.enforcement import enforcing
from processing_emulator.aws.signatures.session_tokens import TokenMint
from processing_emulator.config import ContainerCredentials, Settings
from processing_emulator.domain.contract import ContainerAccess
from processing_emulator.engine.instance import RunnerOptions, RunnerTools
from processing_emulator.engine.lifecycle import ServiceGroup
from processing_emulator.engine.local_backend import LocalBackend
from processing_emulator.engine.reaper import Reaper
from processing_emulator.engine.scheduler import Scheduler
from processing_emulator.errors import RuntimeUnavailable
from processing_emulator.jobs.listing import JobListing
from processing_emulator.jobs.service import JobService
from processing_emulator.jobs.tags import JobTags
from processing_emulator.logs.reading import LogReading
from processing_emulator.logs.settling import SettlingLog
from processing_emulator.ports import CancelToken
from processing_emulator.server.health import config_document, health_checks, health_document
from processing_emulator.server.s3_store import S3Part
from processing_emulator.server.seed_and_hooks import SeedAndHooks
from processing_emulator.server.startup import Startup

if TYPE_CHECKING:
    from processing_emulator.aws.s3.proxy import S3Passthrough

API_THREADS = 8
MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A server that is ready to be served on its sockets. `warnings` are sentences for whoever started it.

    Once it is served, `get_ready` brings in the seed and runs the user's scripts, and `wind_down` runs those for its
    end; both take the variables for AWS clients, and raise EmulatorError. `warm` loads what the first request of a
    kind would otherwise wait for.
    """

    asgi: ASGIApp
    sockets: tuple[socket.socket, ...]
    url: str
    port: int
    get_ready: Callable[[Mapping[str, str], CancelToken], None]
    warm: Callable[[], object]
    wind_down: Callable[[Mapping[str, str], CancelToken], None]
    warnings: tuple[str, ...]
    jobs_running: Callable[[], int]
    close_http: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _NetworkLocation:
    """Where the emulator stands as seen from containers. `address` None: they cannot reach it."""

    container: SelfContainer | None
    network: str
    address: str | None
    warnings: tuple[str, ...]


@contextmanager
def running(settings: Settings, startup: Startup, flags: Collection[str] = ()) -> Iterator[App]:
    """Everything made and started; on leaving, jobs are let go and the rest is stopped.

    `flags`: the settings that were given on the command line. Raises EmulatorError with a sentence for the user when
    it cannot start.
    """
    data, hooks, s3 = startup.data, startup.hooks, startup.s3
    models = {name: load_service_model(name) for name in JSON_SERVICES}  # while the embedded store starts
    with ExitStack() as stack:
        stores = open_store(data.database)
        stack.callback(stores.close)
        engine = Engine(settings.docker_host)
        place = _place(settings, engine)
        sockets, port = _sockets(settings, place, stack)
        runtime = DockerRuntime(engine, _container_defaults(data, place))
        stack.callback(runtime.close)
        objects = s3.object_store()
        stack.callback(objects.close)
        clock, gpus = SystemClock(), NvmlProbe()
        keys = _keys(settings, data)
        logs = SettlingLog(stores.logs, clock)
        tools = RunnerTools(
            runtime=runtime,
            objects=objects,
            journal=stores.jobs,
            logs=logs,
            samples=stores.samples,
            gpus=gpus,
            clock=clock,
            options=_runner_options(settings, data, _container_access(settings, place, port, keys.mint, clock)),
        )
        memory = settings.capacity_memory_mib
        host = DockerHostProbe(runtime, gpus, settings.capacity_cpus, memory * MIB if memory else None)
        backend = LocalBackend(tools, host, data.jobs)
        scheduler = Scheduler(stores.jobs, backend, clock, settings.engine_patience_seconds)
        reaper = Reaper(stores.jobs, backend, settings.reaper_interval_seconds)
        services = ServiceGroup([*s3.services(), scheduler, reaper])

        executor = ThreadPoolExecutor(API_THREADS, thread_name_prefix="api")
        stack.callback(executor.shutdown)
        service = JobService(store=stores.jobs, clock=clock, wakeup=scheduler, quotas=settings.quotas)
        json_services = (
            sagemaker(service=service, listing=JobListing(store=stores.jobs), tags=JobTags(store=stores.jobs)),
            cloudwatch_logs(LogReading(logs=logs, activity=logs)),
            container_registry(clock),
        )
        dispatcher = json_dispatcher(json_services, models.__getitem__)
        passthrough = LazyApp(lambda: _passthrough(s3))
        gate = Gate()
        health = HealthChecks(health_checks(stores, runtime, s3, objects, gpus, scheduler))
        resetter = Resetter(
            ResetSteps(
                forget_jobs=scheduler.reset,
                empty_s3=s3.empty,
                s3_is_external=s3.kind == "external",
                read_seed=lambda: hooks.load_seed(s3.access()),
                closed=lambda: _undisturbed(hooks, gate),
            )
        )
        control = LazyApp(lambda: _admin_app(stores, health, settings, flags, hooks, resetter))
        door = front_door(
            dispatcher=dispatcher,
            query=QueryDispatcher(query_services(keys, clock)),
            account_of=keys.account_of,
            control=control,
            s3=passthrough,
            executor=executor,
            gate=gate,
            allowed_hosts=(*settings.allowed_hosts, *([place.address] if place.address else [])),
        )
        services.start()
        stack.callback(services.stop)
        stack.callback(resetter.close)
        running_at_end = scheduler.count_running
        yield App(
            asgi=enforcing(door, keys, clock) if settings.enforce_signatures else door,
            sockets=sockets,
            url=f"http://{_printable(settings.host)}:{port}",
            port=port,
            get_ready=lambda variables, cancel: hooks.get_ready(s3.access(), variables, cancel),
            warm=passthrough.warm,
            wind_down=hooks.wind_down,
            warnings=place.warnings,
            jobs_running=running_at_end,
            close_http=lambda: _close(passthrough),
        )


@contextmanager
def _undisturbed(hooks: SeedAndHooks, gate: Gate) -> Iterator[None]:
    """The first seed is in, and other requests wait."""
    with hooks.seeding, gate.closed():
        yield


def _passthrough(s3: S3Part) -> "S3Passthrough":
    from processing_emulator.aws.s3.proxy import S3Passthrough  # aiohttp takes as long to import as SQLAlchemy

    return S3Passthrough(s3.endpoint, adapt=s3.adaptation())


async def _close(passthrough: "LazyApp[S3Passthrough]") -> None:
    if passthrough.built is not None:
        await passthrough.built.close()


def _admin_app(
    stores: Stores,
    health: HealthChecks,
    settings: Settings,
    flags: Collection[str],
    hooks: SeedAndHooks,
    resetter: Resetter,
) -> ASGIApp:
    from processing_emulator.admin.app import admin_app  # FastAPI takes longer to import than everything else
    from processing_emulator.admin.server_routes import ServerControls

    server = ServerControls(
        health=lambda: health_document(health.states(), hooks.progress()),
        config=lambda: config_document(settings, flags),
        init=hooks.state,
        reset=lambda scope, external: resetter.reset(scope, external=external),
    )
    return admin_app(store=stores.jobs, logs=stores.logs, samples=stores.samples, server=server)


def _place(settings: Settings, engine: Engine) -> _NetworkLocation:
    """Find out how containers reach the emulator; a missing engine is a warning, not the end."""
    try:
        own = find_self(engine)
        address = own.address if own is not None and own.address else bridge_gateway(engine)
    except RuntimeUnavailable as error:
        network = settings.container_network or "bridge"
        warning = (
            f"{str(error).rstrip('.')}. Jobs wait for it; containers get no endpoint until the server is started again."
        )
        return _NetworkLocation(container=None, network=network, address=None, warnings=(warning,))
    network = settings.container_network or (own.network if own is not None and own.network else "bridge")
    if address is None and settings.container_endpoints:
        warning = "Containers cannot reach the emulator: the Docker bridge is not on this machine."
        return _NetworkLocation(container=own, network=network, address=None, warnings=(warning,))
    return _NetworkLocation(container=own, network=network, address=address, warnings=())


def _sockets(settings: Settings, place: _NetworkLocation, stack: ExitStack) -> tuple[tuple[socket.socket, ...], int]:
    """Listen where clients call and, for containers, on the bridge; never on more than that."""
    first = stack.enter_context(listen(settings.host, settings.port))
    port: int = first.getsockname()[1]
    is_everywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104  # compared, not bound
    if not settings.container_endpoints or place.address is None or is_everywhere or place.container is not None:
        return (first,), port
    return (first, stack.enter_context(listen(place.address, port))), port


def _container_defaults(data: DataDir, place: _NetworkLocation) -> ContainerDefaults:
    emulator_id = data.emulator_id()
    if place.container is None:
        return ContainerDefaults(emulator_id=emulator_id, network=place.network)
    return ContainerDefaults(emulator_id=emulator_id, network=place.network, translate=place.container.translate)


def _keys(settings: Settings, data: DataDir) -> KeyRing:
    configured = {name: secret.get_secret_value() for name, secret in settings.client_keys().items()}
    return KeyRing(mint=TokenMint(data.credential_secret()), configured=configured)


def _runner_options(settings: Settings, data: DataDir, access: ContainerAccess) -> RunnerOptions:
    return RunnerOptions(
        emulator_id=data.emulator_id(),
        pull_policy=settings.pull_policy,
        image_map=settings.image_map,
        container_access=access,
        stop_signal=settings.stop_signal,
        stop_grace_seconds=settings.stop_grace_seconds,
        upload_when_stopped=settings.upload_when_stopped,
        shm_share=settings.shm_share,
        sample_interval_seconds=settings.sample_interval_seconds,
        engine_patience_seconds=settings.engine_patience_seconds,
    )


def _container_access(
    settings: Settings, place: _NetworkLocation, port: int, mint: TokenMint, clock: SystemClock
) -> ContainerAccess:
    if not settings.container_endpoints or place.address is None:
        return ContainerAccess()
    url = f"http://{place.address}:{port}"
    match settings.container_credentials:
        case ContainerCredentials.NONE:
            return ContainerAccess(endpoint_url=url)
        case ContainerCredentials.EMULATOR if settings.enforce_signatures:
            return ContainerAccess(endpoint_url=url, issue=session_issuer(mint, clock))
        case ContainerCredentials.EMULATOR:
            return ContainerAccess(endpoint_url=url, secret_key="emulator")  # noqa: S106  # a placeholder
        case ContainerCredentials.S3:
            secret = settings.s3_secret_key.get_secret_value()
            return ContainerAccess(endpoint_url=url, access_key=settings.s3_access_key, secret_key=secret)


def _printable(host: str) -> str:
    return f"[{host}]" if ":" in host else host
