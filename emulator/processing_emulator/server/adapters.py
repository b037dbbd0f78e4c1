"""Makes the adapters, everything that touches the world outside: database, Docker, S3, clock, GPUs, keys, sockets."""

from contextlib import ExitStack
from dataclasses import dataclass

from processing_emulator.adapters.boot_id import read_boot_id
from processing_emulator.adapters.clock import SystemClock
from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.disk_space import DiskReserve
from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.adapters.duckdb_queries.engine import DuckDbQueries
from processing_emulator.adapters.nvml.probe import NvmlProbe
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.adapters.sql_store.store import Stores, open_postgresql_store, open_store
from processing_emulator.adapters.volumes.local import LocalVolumes
from processing_emulator.adapters.volumes.obstacle import find_obstacle
from processing_emulator.aws.signatures.credentials import CredentialStore
from processing_emulator.aws.signatures.session_tokens import SessionTokenIssuer
from processing_emulator.config import Settings
from processing_emulator.domain.instance_types import GIB
from processing_emulator.engine.cache_folder import CacheFolder
from processing_emulator.engine.object_cache import ObjectCache
from processing_emulator.server.network import Listening, NetworkLocation, find_location, open_sockets
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
    runtime: DockerRuntime
    objects: S3ObjectStore
    gpus: NvmlProbe
    volumes: LocalVolumes
    queries: DuckDbQueries
    clock: SystemClock
    cache: ObjectCache
    keys: CredentialStore
    location: NetworkLocation
    listening: Listening


def open_adapters(settings: Settings, startup: Startup, stack: ExitStack) -> Adapters:
    """Open them in order; `stack` closes them in reverse. Raises EmulatorError with a sentence for the user."""
    data = startup.data
    stores = _open_stores(settings, data)
    stack.callback(stores.close)
    engine = Engine(settings.docker_host)
    location = find_location(settings, engine)
    listening = open_sockets(settings, location, stack)
    runtime = DockerRuntime(engine, _container_defaults(data, location))
    stack.callback(runtime.close)
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
        runtime=runtime,
        objects=objects,
        gpus=NvmlProbe(),
        volumes=LocalVolumes(data.jobs, lambda: find_obstacle(data.root, engine.address)),
        queries=DuckDbQueries(),
        clock=clock,
        cache=_cache(settings, startup, clock),
        keys=_keys(settings, data),
        location=location,
        listening=listening,
    )


def _cache(settings: Settings, startup: Startup, clock: SystemClock) -> ObjectCache:
    """The embedded store has another port after each start, but it is the same store."""
    endpoint = settings.s3_endpoint or startup.s3.kind
    folder = CacheFolder(startup.data.cache, read_boot_id())
    return ObjectCache(folder, clock, endpoint=endpoint, limit_bytes=int(settings.cache_gib * GIB))


def _open_stores(settings: Settings, data: DataDir) -> Stores:
    if settings.database_url is None:
        return open_store(data.database)
    return open_postgresql_store(settings.database_url)


def _container_defaults(data: DataDir, location: NetworkLocation) -> ContainerDefaults:
    emulator_id = data.emulator_id()
    if location.container is None:
        return ContainerDefaults(emulator_id=emulator_id)
    return ContainerDefaults(emulator_id=emulator_id, translate=location.container.translate)


def _keys(settings: Settings, data: DataDir) -> CredentialStore:
    configured = {name: secret.get_secret_value() for name, secret in settings.client_keys().items()}
    return CredentialStore(session_tokens=SessionTokenIssuer(data.credential_secret()), configured=configured)
