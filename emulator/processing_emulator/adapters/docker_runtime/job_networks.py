"""Networks that the emulator creates for jobs: bridges with a subnet of their own, so that addresses can be fixed.

An engine has some thirty subnets to choose from, each with thousands of addresses. So the networks of jobs share one of
them, which is called their block: each has a small subnet of it, and names the block in a label.
"""

import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import docker.errors
from docker.types import IPAMConfig, IPAMPool

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.containers import LABEL_ID
from processing_emulator.adapters.docker_runtime.errors import explanation
from processing_emulator.errors import NoFreeSubnet, RuntimeFailure
from processing_emulator.ports import NetworkInfo, NetworkSpec

ATTEMPTS = 10
"""How often a subnet is chosen again when another network has taken it meanwhile."""

SUBNET_PREFIX = 25
"""A job has at most 100 hosts; this subnet has 126 addresses."""

LABEL_BLOCK = "processing-emulator.block"
"""The label of a job's network: the subnet that the engine chose, of which the network has a part."""

SHARED_NETWORK = "processing-emulator"
"""The network of all jobs with one host, of every emulator on the engine. It is created once and stays."""

_NO_PEERS = {"com.docker.network.bridge.enable_icc": "false"}
"""Containers of the network do not reach each other."""

_HIDE_HOST = {"com.docker.network.bridge.inhibit_ipv4": "true"}
"""The host gets no address on the bridge; `Internal` alone leaves its services within reach."""

_EXHAUSTED = re.compile(r"address pool|predefined address pools", re.IGNORECASE)
_HOW_TO_FREE = (
    'remove networks that nothing uses ("docker network prune"), or give the engine more default-address-pools'
)


class JobNetworks:
    """The networks of one emulator."""

    def __init__(self, engine: Engine, emulator_id: str) -> None:
        self._engine = engine
        self._emulator_id = emulator_id
        self._creating = threading.Lock()

    def create(self, spec: NetworkSpec) -> NetworkInfo:
        """See `ContainerRuntime.create_network`.

        Fixed addresses need a subnet that was named at creation. Other clients of the engine may take it meanwhile;
        then the next free one is tried.
        """
        with self._creating:
            for _ in range(ATTEMPTS):
                block, subnet = self._free_subnet(spec)
                try:
                    return self._make(spec, subnet, block)
                except RuntimeFailure as error:
                    if "overlap" not in str(error).lower():
                        raise
        raise NoFreeSubnet(f"no free subnet for network {spec.name} after {ATTEMPTS} attempts")

    def shared(self) -> str:
        """See `ContainerRuntime.shared_network`."""
        with self._creating:
            if self.find(SHARED_NETWORK) is None:
                try:
                    self._create(SHARED_NETWORK, [], {}, internal=False, options=_NO_PEERS)
                except RuntimeFailure:
                    if self.find(SHARED_NETWORK) is None:  # else another emulator has just made it
                        raise
        return SHARED_NETWORK

    def _free_subnet(self, spec: NetworkSpec) -> tuple[IPv4Network, IPv4Network]:
        """A block, and a free subnet of it: of a block that networks of jobs have, else of one the engine chooses.

        Only the engine knows which subnets are free of the host's routes and of its user's pools, so it chooses one for
        a network that is removed at once. That has another name: after a crash in between, it must not be taken for the
        job's, since an engine gives no fixed addresses in a subnet of its own choice. Then it is left to the reaper.
        """
        with self._engine.call(Call.NETWORK) as api:
            documents = api.networks()
        taken = [subnet for document in documents for subnet in _subnets(document)]
        labels = [(document.get("Labels") or {}).get(LABEL_BLOCK) for document in documents]
        for block in sorted({IPv4Network(label) for label in labels if label}):
            for subnet in _parts(block):
                if not any(subnet.overlaps(other) for other in taken):
                    return block, subnet
        chosen = self._make(replace(spec, name=f"{spec.name}-{uuid.uuid4().hex[:8]}"), None, None)
        self.remove(chosen.id)
        return chosen.subnet, next(_parts(chosen.subnet))

    def find(self, name: str) -> NetworkInfo | None:
        """See `ContainerRuntime.find_network`. The engine also finds by the beginning of an id, which is ignored."""
        info = self._inspect(name)
        return info if info is not None and info.name == name else None

    def remove(self, network_id: str) -> None:
        """See `ContainerRuntime.remove_network`."""
        with self._engine.call(Call.NETWORK) as api:
            try:
                api.remove_network(network_id)
            except docker.errors.NotFound:
                return

    def connect(self, container_id: str, name: str) -> None:
        """See `ContainerRuntime.connect_network`."""
        with self._engine.call(Call.NETWORK) as api:
            try:
                api.connect_container_to_network(container_id, name)
            except docker.errors.APIError as error:
                if "already exists in network" not in explanation(error):
                    raise

    def list_ours(self) -> Sequence[NetworkInfo]:
        """See `ContainerRuntime.list_networks`."""
        with self._engine.call(Call.NETWORK) as api:
            ids = [row["Id"] for row in api.networks(filters={"label": f"{LABEL_ID}={self._emulator_id}"})]
        return [info for info in map(self._inspect, ids) if info is not None]

    def _make(self, spec: NetworkSpec, subnet: IPv4Network | None, block: IPv4Network | None) -> NetworkInfo:
        labels = {**spec.labels, LABEL_ID: self._emulator_id} | ({LABEL_BLOCK: str(block)} if block else {})
        pools = [IPAMPool(subnet=str(subnet))] if subnet else []
        options = _HIDE_HOST if spec.isolated else None
        made = self._inspect(self._create(spec.name, pools, labels, internal=spec.isolated, options=options))
        if made is None:
            raise RuntimeFailure(f"network {spec.name} was removed while it was created")
        return made

    def _create(
        self,
        name: str,
        pools: list[IPAMPool],
        labels: dict[str, str],
        *,
        internal: bool,
        options: dict[str, str] | None,
    ) -> str:
        with self._engine.call(Call.NETWORK) as api:
            try:
                made = api.create_network(
                    name,
                    driver="bridge",
                    ipam=IPAMConfig(pool_configs=pools),
                    check_duplicate=True,
                    internal=internal,
                    options=options,
                    labels=labels,
                )
            except docker.errors.APIError as error:
                if _EXHAUSTED.search(explanation(error)):
                    raise NoFreeSubnet(f"{explanation(error)}; {_HOW_TO_FREE}") from error
                raise
        return str(made["Id"])

    def _inspect(self, reference: str) -> NetworkInfo | None:
        with self._engine.call(Call.NETWORK) as api:
            try:
                return network_info(api.inspect_network(reference))
            except docker.errors.NotFound:
                return None


def _parts(block: IPv4Network) -> Iterator[IPv4Network]:
    """The subnets for jobs in a block; a small block is one."""
    return block.subnets(new_prefix=max(SUBNET_PREFIX, block.prefixlen))


def _subnets(document: Mapping[str, Any]) -> Iterator[IPv4Network]:
    for pool in (document.get("IPAM") or {}).get("Config") or ():
        if "." in pool.get("Subnet", ""):
            yield IPv4Network(pool["Subnet"])


def network_info(document: Mapping[str, Any]) -> NetworkInfo | None:
    """Our facts from the engine's inspect document; None for a network without an IPv4 subnet, which is not ours."""
    subnet = next(_subnets(document), None)
    if subnet is None:
        return None
    pools = [pool for pool in document["IPAM"]["Config"] if pool.get("Subnet") == str(subnet)]
    gateway = pools[0].get("Gateway") or str(next(subnet.hosts()))
    return NetworkInfo(
        id=document["Id"],
        name=document["Name"],
        labels=document.get("Labels") or {},
        subnet=subnet,
        gateway=IPv4Address(gateway.partition("/")[0]),
    )
