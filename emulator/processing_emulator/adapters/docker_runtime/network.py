"""Finds where containers reach this process: at the host's bridge address, or in the container it runs in."""

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import docker.errors
import psutil

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.errors import RuntimeFailure

_OWN_FILE = re.compile(r"/(?:overlay-)?containers/([0-9a-f]{64})/\S* /etc/(?:hostname|hosts|resolv\.conf) ")
"""Matches lines of mountinfo: the engine mounts these files from the container's folder on the host."""

_OWN_CGROUP = re.compile(r"(?:docker|libpod)[-/]([0-9a-f]{64})")
_BUILT_IN = frozenset({"bridge", "host", "none", "podman"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfContainer:
    """The container this process runs in. `mounts` are (path in here, path on the engine's host).

    Other containers reach this process at `address` on `network`, the first user-defined one it is attached to; without
    such a network, on the engine's default bridge. Without an address (host networking) it is like on the host.
    """

    id: str
    mounts: tuple[tuple[PurePosixPath, PurePosixPath], ...]
    network: str | None = None
    address: str | None = None

    def translate(self, path: Path) -> Path:
        """The path on the engine's host. Raises RuntimeFailure for a path outside of all mounts."""
        inside = PurePosixPath(path)
        matching = [(own, host) for own, host in self.mounts if inside.is_relative_to(own)]
        if not matching:
            raise RuntimeFailure(
                f"{path} lies in the emulator's own container, where other containers cannot see it: "
                "mount a folder or a volume there"
            )
        own, host = max(matching, key=lambda pair: len(pair[0].parts))
        return Path(host / inside.relative_to(own))


def find_self(engine: Engine, root: Path = Path("/")) -> SelfContainer | None:
    """The container of this engine that this process runs in, None on a host or in a container of another engine.

    Raises RuntimeUnavailable.
    """
    for candidate in own_ids(root):
        with engine.call(Call.INSPECT) as api:
            try:
                return self_container(api.inspect_container(candidate))
            except docker.errors.NotFound:
                continue
    return None


def own_ids(root: Path) -> Iterator[str]:
    """Ids that the container of this process may have, the most certain first."""
    seen: set[str] = set()
    for file, pattern in (("proc/self/mountinfo", _OWN_FILE), ("proc/self/cgroup", _OWN_CGROUP)):
        try:
            text = (root / file).read_text()
        except OSError:
            continue
        for match in pattern.finditer(text):
            if match[1] not in seen:
                seen.add(match[1])
                yield match[1]
    if (root / ".dockerenv").exists() and re.fullmatch(r"[0-9a-f]{12}", socket.gethostname()):
        yield socket.gethostname()


def self_container(document: Mapping[str, Any]) -> SelfContainer:
    """Parse the engine's inspect document of our own container."""
    attached = (document.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = {name: settings["IPAddress"] for name, settings in attached.items() if settings.get("IPAddress")}
    network = next((name for name in addresses if name not in _BUILT_IN), None)
    return SelfContainer(
        id=document["Id"],
        mounts=tuple(
            (PurePosixPath(mount["Destination"]), PurePosixPath(mount["Source"]))
            for mount in document.get("Mounts") or ()
            if mount.get("Source")
        ),
        network=network,
        address=addresses.get(network or "bridge"),
    )


def bridge_gateway(engine: Engine) -> str | None:
    """This machine's address on the engine's default bridge, where containers reach it.

    None when the bridge is not on this machine (Docker Desktop, a remote engine, a container). Engine 20.10 may not
    name the gateway; then it is the address of the bridge's interface. Raises RuntimeUnavailable.
    """
    with engine.call(Call.INSPECT) as api:
        try:
            bridge = api.inspect_network("bridge")
        except docker.errors.NotFound:
            return None
    interface = (bridge.get("Options") or {}).get("com.docker.network.bridge.name", "docker0")
    own = {
        address.address: name
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family is socket.AF_INET
    }
    configured = [item.get("Gateway") for item in (bridge.get("IPAM") or {}).get("Config") or ()]
    for gateway in configured:
        if gateway in own:
            return str(gateway)
    return next((address for address, name in own.items() if name == interface), None)
