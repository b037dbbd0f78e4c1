"""Makes the adapters, everything that touches the world outside: database, Docker, S3, clock, GPUs, keys, sockets."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from processing_emulator.adapters.boot import boot_name
from processing_emulator.adapters.clock import SystemClock
from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.disk_space import DiskReserve
from processing_emulator.adapters.duckdb_queries.engine import DuckDbQueries
from processing_emulator.adapters.nvml.probe import NvmlProbe
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.adapters.sql_store.store import Stores, open_postgresql_store, open_store
from processing_emulator.adapters.volumes.local import LocalVolumes
from processing_emulator.aws.signatures.credentials import CredentialStore
from processing_emulator.aws.signatures.session_tokens import SessionTokenIssuer
from processing_emulator.config import Runner, Settings
from processing_emulator.domain.instance_types import GIB
from processing_emulator.engine.cache_folder import CacheFolder
from processing_emulator.engine.object_cache import ObjectCache
from processing_emulator.ports import ContainerRuntime
from processing_emulator.server.container_part import docker_part, simulated_part
from processing_emulator.server.network import Listening, NetworkLocation, open_sockets
from processing_emulator.server.s3_store import S3Part
from processing_emulator.server.seed_and_hooks import SeedAndHooks
from processing_emulator.server.startup import Startup


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """Made once, shared by the engine, the gateway and the admin application."""

    data: DataDir
    reserve: DiskReserve
    hooks: SeedAndHooks
    s3: S3Part
    stores: Stores
    runtime: ContainerRuntime
    objects: S3ObjectStore
    gpus: NvmlProbe
    volumes: LocalVolumes
    queries: DuckDbQueries
    clock: SystemClock
    cache: ObjectCache
    keys: CredentialStore
    location: NetworkLocation
    listening: Listening
    engine_address: Callable[[], str | None]


def open_adapters(settings: Settings, startup: Startup, stack: ExitStack) -> Adapters:
    """Open them in order; `stack` closes them in reverse. Raises EmulatorError with a sentence for the user."""
    data = startup.data
    stores = _open_stores(settings, data)
    stack.callback(stores.close)
    containers = docker_part(settings, data) if settings.runner is Runner.DOCKER else simulated_part()
    stack.callback(containers.close)
    listening = open_sockets(settings, containers.location, stack)
    objects = startup.s3.object_store()  # waits for the embedded store
    stack.callback(objects.close)
    objects.abort_unfinished()
    clock = SystemClock()
    return Adapters(
        data=data,
        reserve=startup.reserve,
        hooks=startup.hooks,
        s3=startup.s3,
        stores=stores,
        runtime=containers.runtime,
        objects=objects,
        gpus=NvmlProbe(),
        volumes=LocalVolumes(data.jobs, lambda: containers.obstacle_to_volumes(data.root)),
        queries=DuckDbQueries(),
        clock=clock,
        cache=_cache(settings, startup, clock),
        keys=_keys(settings, data),
        location=containers.location,
        listening=listening,
        engine_address=containers.engine_address,
    )


def _cache(settings: Settings, startup: Startup, clock: SystemClock) -> ObjectCache:
    """The embedded store has another port after each start, but it is the same store."""
    endpoint = settings.s3_endpoint or startup.s3.kind
    folder = CacheFolder(startup.data.cache, boot_name())
    return ObjectCache(folder, clock, endpoint=endpoint, limit_bytes=int(settings.cache_gib * GIB))


def _open_stores(settings: Settings, data: DataDir) -> Stores:
    if settings.database_url is None:
        return open_store(data.database)
    return open_postgresql_store(settings.database_url)


def _keys(settings: Settings, data: DataDir) -> CredentialStore:
    configured = {name: secret.get_secret_value() for name, secret in settings.client_keys().items()}
    return CredentialStore(session_tokens=SessionTokenIssuer(data.credential_secret()), configured=configured)
