"""Which parts the server has, how each is asked for its health, and the two documents that tell of the whole."""

from collections.abc import Collection, Mapping
from dataclasses import asdict

from processing_emulator import __version__
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.adapters.nvml.probe import NvmlProbe
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.adapters.sql_store.store import Stores
from processing_emulator.admin.health import Part, State
from processing_emulator.config import Settings, effective_settings
from processing_emulator.engine.scheduler import Scheduler
from processing_emulator.errors import EmulatorError
from processing_emulator.server.s3_store import S3Part


def health_parts(
    stores: Stores, runtime: DockerRuntime, s3: S3Part, objects: S3ObjectStore, gpus: NvmlProbe, scheduler: Scheduler
) -> tuple[Part, ...]:
    """All parts, in the order in which they are shown."""

    def ask_database() -> State:
        stores.ping()
        return {}

    def ask_docker() -> State:
        info = runtime.info()
        return {"version": info.version, "cpus": info.cpus, "memoryBytes": info.memory_bytes}

    def ask_s3() -> State:
        objects.ping()
        return {"kind": s3.kind, "endpoint": s3.endpoint}

    def ask_scheduler() -> State:
        if not scheduler.is_alive():
            raise EmulatorError("it does not run")
        return {"running": scheduler.count_running()}

    s3_mend = (
        "look into logs/seaweedfs.log in the data directory; it is started again by itself"
        if s3.kind == "embedded"
        else f"start the store at {s3.endpoint}, or mend the endpoint and the keys in the settings"
    )
    return (
        Part(name="database", ask=ask_database, mend="look whether the data directory's disk is full or read-only"),
        Part(
            name="docker",
            ask=ask_docker,
            mend="start Docker, for example with `systemctl start docker`, or mend DOCKER_HOST; jobs wait meanwhile",
        ),
        Part(name="s3", ask=ask_s3, mend=s3_mend),
        Part(
            name="gpu",
            ask=lambda: {"count": len(gpus.gpu_ids())},
            mend="look whether `nvidia-smi` answers; jobs without a GPU run",
        ),
        Part(name="scheduler", ask=ask_scheduler, mend="start the server again, and report what its log says"),
    )


def health_document(parts: Mapping[str, State], init: Mapping[str, object]) -> dict[str, object]:
    """`ok` when every part is, else `degraded`."""
    well = all(part["status"] == "ok" for part in parts.values())
    return {"status": "ok" if well else "degraded", "version": __version__, "services": parts, "init": init}


def config_document(settings: Settings, flags: Collection[str]) -> dict[str, object]:
    """The effective settings and where each comes from; secrets are hidden."""
    effective = effective_settings(settings, flags)
    return {"version": __version__, "settings": {name: asdict(setting) for name, setting in effective.items()}}
