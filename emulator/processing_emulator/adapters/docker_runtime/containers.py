"""Converts container specs to the engine's JSON, and the engine's JSON to ContainerInfo and EngineInfo. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import (
    BindMount,
    ContainerInfo,
    ContainerProcess,
    ContainerSpec,
    ContainerState,
    Dialogue,
    EngineInfo,
    Mount,
    OverlayMount,
)

LABEL_ID = "processing-emulator.id"
"""The label of every container, network and volume: the id of the emulator that created it."""

LOG_FILE_BYTES = 256 * 1024**2
LOG_FILES = 4
"""The engine keeps this many log files of this size, about seven million lines, so that a container cannot fill the
disk with its log. The first file is followed while it is written; after that the log is read in passes (`logs.py`). If
a container prints so much faster than we read that the unread lines outgrow all files, the oldest of them are lost.
The files are not compressed, because Engine 20.10 would decompress them for each pass.
"""

PIDS_LIMIT = 16_384
"""Limit of processes and threads of one container: far more than Spark needs on a large instance, and too few for a
fork bomb to exhaust the machine.
"""

_OVERLAY_FEATURES = ("redirect_dir=on", "index=off", "metacopy=off")
"""Folders can be renamed as in any file system, and files of the lower folder that are hard links stay apart when one
of them is written. The kernel's defaults differ between distributions.
"""

CDI_GPU = "nvidia.com/gpu"
"""The kind of NVIDIA's GPUs in the Container Device Interface; a device is also named by its UUID (nvidia-ctk)."""

NO_DNS = "127.0.0.1"
"""In place of the host's DNS servers, to which the engine passes look-ups on even from networks without a way out
(CVE-2024-29018). In the container nobody answers there, unless the user's code does.
"""

_NANO = 1_000_000_000
_STATES = {
    "created": ContainerState.CREATED,
    "running": ContainerState.RUNNING,
    "paused": ContainerState.RUNNING,
    "restarting": ContainerState.RUNNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDefaults:
    """What all containers of one emulator share.

    `translate` turns a path of this process into the path the engine mounts. `platform`: of all images but ours; None
    for what the engine chooses.
    """

    emulator_id: str
    translate: Callable[[Path], Path] = lambda path: path
    log_file_bytes: int = LOG_FILE_BYTES
    platform: str | None = None


def container_body(
    spec: ContainerSpec, defaults: ContainerDefaults, cdi_devices: Collection[str] = ()
) -> dict[str, Any]:
    """The body of the engine's create call. `cdi_devices` are those that the engine knows.

    `Entrypoint` set and `Cmd` absent ignores the image's CMD too (spec 2.1). PID 1 is the user's process: no init, no
    restart, no privilege; everything else is the engine's default (spec 8, question 30).
    """
    body: dict[str, Any] = {
        "Image": spec.image,
        "Hostname": spec.hostname,
        "Env": [f"{name}={value}" for name, value in spec.environment.items()],
        "Labels": {**spec.labels, LABEL_ID: defaults.emulator_id},
        "HostConfig": _host_config(spec, defaults, cdi_devices),
        **_networking(spec),
    }
    if spec.entrypoint is not None:
        body["Entrypoint"] = list(spec.entrypoint)
    if spec.arguments is not None:
        body["Cmd"] = list(spec.arguments)
    if spec.dialogue is not None:
        body |= {"OpenStdin": True, "StdinOnce": True, "Tty": spec.dialogue is Dialogue.TERMINAL}
    return body


def _networking(spec: ContainerSpec) -> dict[str, Any]:
    """A fixed address, if there is one."""
    attachment = spec.network
    if attachment is None or attachment.address is None:
        return {}
    address = {"IPAMConfig": {"IPv4Address": attachment.address}}
    return {"NetworkingConfig": {"EndpointsConfig": {attachment.network: address}}}


def _hosts(spec: ContainerSpec) -> list[str]:
    """Lines of the hosts file. Without a network the engine writes none for the container's own name."""
    if spec.network is None:
        return [f"{spec.hostname}:127.0.0.1"]
    return [f"{name}:{address}" for name, address in spec.network.extra_hosts.items()]


def mount_body(mount: Mount, defaults: ContainerDefaults) -> dict[str, Any]:
    """Unlike `Binds`, `Mounts` refuses a missing folder instead of creating it as root.

    An overlay is an anonymous volume, so the engine removes it together with the container. The label finds one that a
    crash of the engine has left.
    """
    translate = defaults.translate
    match mount:
        case BindMount():
            return {"Type": "bind", "Source": str(translate(mount.source)), "Target": mount.target}
        case OverlayMount():
            folders = {"lowerdir": mount.lower, "upperdir": mount.upper, "workdir": mount.work}
            places = (f"{name}={_escaped(translate(path))}" for name, path in folders.items())
            options = {"type": "overlay", "device": "overlay", "o": ",".join((*places, *_OVERLAY_FEATURES))}
            driver = {"Name": "local", "Options": options}
            labels = {LABEL_ID: defaults.emulator_id}
            volume = {"NoCopy": True, "Labels": labels, "DriverConfig": driver}
            return {"Type": "volume", "Target": mount.target, "VolumeOptions": volume}


def _escaped(path: Path) -> str:
    """The kernel separates the options of a mount by commas and the folders of an overlay by colons."""
    if "," in str(path):
        raise RuntimeFailure(f"{path} cannot be part of an overlay mount: its name contains a comma")
    return str(path).replace("\\", "\\\\").replace(":", "\\:")


def _gpu_request(gpu_ids: Sequence[str], cdi_devices: Collection[str]) -> dict[str, Any]:
    """By the Container Device Interface where the engine knows all of them; else as `docker run --gpus` does."""
    names = [f"{CDI_GPU}={gpu_id}" for gpu_id in gpu_ids]
    if all(name in cdi_devices for name in names):
        return {"Driver": "cdi", "DeviceIDs": names}
    return {"DeviceIDs": list(gpu_ids), "Capabilities": [["gpu"]]}


def _host_config(spec: ContainerSpec, defaults: ContainerDefaults, cdi_devices: Collection[str]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "NetworkMode": "none" if spec.network is None else spec.network.network,
        "Memory": spec.limits.memory_bytes,
        "MemorySwap": spec.limits.memory_bytes,  # memory and swap together: no swap, a real instance has none
        "NanoCpus": int(spec.limits.vcpus * _NANO),
        "PidsLimit": PIDS_LIMIT,
        "ShmSize": spec.shm_bytes,
        "LogConfig": {
            "Type": "json-file",
            "Config": {"max-size": str(defaults.log_file_bytes), "max-file": str(LOG_FILES)},
        },
        "Mounts": [mount_body(mount, defaults) for mount in spec.mounts],
    }
    if spec.volumes_from is not None:
        config["VolumesFrom"] = [spec.volumes_from]
    if spec.dialogue is not None:
        config["AutoRemove"] = True
    if hosts := _hosts(spec):
        config["ExtraHosts"] = hosts
    if spec.network is not None and spec.network.isolated:
        config["Dns"] = [NO_DNS]
    if spec.limits.gpu_ids:
        config["DeviceRequests"] = [_gpu_request(spec.limits.gpu_ids, cdi_devices)]
    return config


def container_info(document: Mapping[str, Any]) -> ContainerInfo:
    """Parse the engine's inspect document of a container."""
    state = document["State"]
    known = _STATES.get(state["Status"], ContainerState.EXITED)
    return ContainerInfo(
        id=document["Id"],
        name=document["Name"].removeprefix("/"),
        state=known,
        labels=document["Config"].get("Labels") or {},
        pid=state.get("Pid", 0),
        exit=container_exit(state) if known is ContainerState.EXITED else None,
        process=_process(document["Config"]),
    )


def _process(config: Mapping[str, Any]) -> ContainerProcess:
    return ContainerProcess(
        command=(*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
        user=config.get("User") or "",
        working_folder=config.get("WorkingDir") or "",
    )


def container_addresses(document: Mapping[str, Any]) -> Iterator[str]:
    """The IP addresses in the engine's document of a running container, listed or inspected."""
    attached = (document.get("NetworkSettings") or {}).get("Networks") or {}
    for network in attached.values():
        for member in ("IPAddress", "GlobalIPv6Address"):
            if network.get(member):
                yield network[member]


def container_exit(state: Mapping[str, Any]) -> ContainerExit:
    """Parse `State` of a container that has ended."""
    return ContainerExit(code=state["ExitCode"], out_of_memory=bool(state.get("OOMKilled")))


def is_being_removed(document: Mapping[str, Any]) -> bool:
    """Whether the engine is about to remove a container, or could not remove all of it."""
    return document["State"]["Status"] in ("removing", "dead")


def log_file_bytes(document: Mapping[str, Any]) -> int | None:
    """The size at which the engine begins a new log file; None if it never does."""
    config = document["HostConfig"].get("LogConfig") or {}
    size = (config.get("Config") or {}).get("max-size", "")
    return int(size) if size.isdecimal() else None


def cdi_devices(document: Mapping[str, Any]) -> Collection[str]:
    """The devices of the Container Device Interface in the engine's info document, which has them since API 1.50."""
    return {device["ID"] for device in document.get("DiscoveredDevices") or () if device["Source"] == "cdi"}


def engine_info(document: Mapping[str, Any]) -> EngineInfo:
    """Parse the engine's info document."""
    return EngineInfo(
        version=document["ServerVersion"],
        cpus=document["NCPU"],
        memory_bytes=document["MemTotal"],
        storage_driver=document["Driver"],
        cgroup_version=document.get("CgroupVersion") or "1",
    )
