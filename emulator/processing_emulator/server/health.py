"""What the server needs to be healthy, and the two documents about the server as a whole."""

from collections.abc import Collection, Mapping
from dataclasses import asdict

from processing_emulator import __version__
from processing_emulator.adapters.disk_space import read_disk_space
from processing_emulator.admin.health import HealthCheck, PartDown, State
from processing_emulator.config import Settings, effective_settings
from processing_emulator.engine.scheduler import Scheduler
from processing_emulator.errors import EmulatorError
from processing_emulator.server.adapters import Adapters
from processing_emulator.server.s3_store import S3Part

_FULL_DISK_HINT = "free some space: docker system prune, delete jobs and objects, or POST /_emulator/reset"


def health_checks(adapters: Adapters, scheduler: Scheduler, *, simulated: bool) -> tuple[HealthCheck, ...]:
    """All checks, in the order in which they are shown. `simulated`: no Docker engine is used."""

    def check_database() -> State:
        adapters.stores.ping()
        return {}

    def check_disk() -> State:
        space = read_disk_space(adapters.data.root)
        details = {"path": str(space.folder), "freeBytes": space.free_bytes}
        if space.is_full:
            raise PartDown(space.sentence, details)
        return details

    def check_docker() -> State:
        info = adapters.runtime.info()
        if simulated:
            return {"version": info.version, "simulated": True}
        return {"version": info.version, "cpus": info.cpus, "memoryBytes": info.memory_bytes}

    def check_s3() -> State:
        adapters.objects.ping()
        return {"kind": adapters.s3.kind, "endpoint": adapters.s3.endpoint}

    def check_scheduler() -> State:
        if not scheduler.is_alive():
            raise EmulatorError("The scheduler's thread has ended.")
        return {"running": scheduler.count_running()}

    return (
        HealthCheck(
            name="database", check=check_database, hint="check whether the data directory's disk is full or read-only"
        ),
        HealthCheck(name="disk", check=check_disk, hint=_FULL_DISK_HINT),
        HealthCheck(
            name="docker",
            check=check_docker,
            hint="run `processing-emulator doctor`; jobs wait until Docker answers again",
        ),
        HealthCheck(name="s3", check=check_s3, hint=s3_hint(adapters.s3)),
        HealthCheck(
            name="gpu",
            check=lambda: {"count": len(adapters.gpus.gpu_ids())},
            hint="run `nvidia-smi` to see whether the driver answers; jobs without a GPU run",
        ),
        HealthCheck(
            name="scheduler",
            check=check_scheduler,
            hint="start the server again; the cause is in its log",
        ),
    )


def s3_hint(s3: S3Part) -> str:
    """What to do when the store does not work."""
    if s3.kind == "embedded":
        return "see logs/seaweedfs.log in the data directory; the server restarts the store by itself"
    return (
        f"start the store at {s3.endpoint}, or correct PROCESSING_EMULATOR_S3_ENDPOINT, "
        "PROCESSING_EMULATOR_S3_ACCESS_KEY and PROCESSING_EMULATOR_S3_SECRET_KEY"
    )


def health_document(states: Mapping[str, State], init: Mapping[str, object]) -> dict[str, object]:
    """`ok` when everything is, `error` without the database, which no request can do without, else `degraded`."""
    down = {name for name, state in states.items() if state["status"] != "ok"}
    status = "error" if "database" in down else "degraded" if down else "ok"
    return {"status": status, "version": __version__, "services": states, "init": init}


def config_document(settings: Settings, flags: Collection[str]) -> dict[str, object]:
    """The effective settings and where each comes from; secrets are hidden."""
    effective = effective_settings(settings, flags)
    return {"version": __version__, "settings": {name: asdict(setting) for name, setting in effective.items()}}
