"""Networks that the emulator creates for jobs: bridges with a subnet of their own, so that addresses can be fixed."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import docker.errors
from docker.types import IPAMConfig, IPAMPool

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.containers import LABEL_ID
from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import NetworkInfo, NetworkSpec

ATTEMPTS = 10
"""How often a subnet is chosen again when another network has taken it meanwhile."""

_HIDE_HOST = {"com.docker.network.bridge.inhibit_ipv4": "true"}
"""The host gets no address on the bridge; `Internal` alone leaves its services within reach."""


class JobNetworks:
    """The networks of one emulator."""

    def __init__(self, engine: Engine, emulator_id: str) -> None:
        self._engine = engine
        self._emulator_id = emulator_id

    def create(self, spec: NetworkSpec) -> NetworkInfo:
        """See `ContainerRuntime.create_network`.

        Fixed addresses need a subnet that was named at creation. The engine knows which subnets are free, so it
        chooses one for a first network, which is replaced by one that names it.
        """
        for _ in range(ATTEMPTS):
            chosen = self._make(spec, None)
            self.remove(chosen.id)
            try:
                return self._make(spec, chosen.subnet)
            except RuntimeFailure as error:
                if "overlap" not in str(error).lower():
                    raise
        raise RuntimeFailure(f"no free subnet for network {spec.name} after {ATTEMPTS} attempts")

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

    def list_ours(self) -> Sequence[NetworkInfo]:
        """See `ContainerRuntime.list_networks`."""
        with self._engine.call(Call.NETWORK) as api:
            ids = [row["Id"] for row in api.networks(filters={"label": f"{LABEL_ID}={self._emulator_id}"})]
        return [info for info in map(self._inspect, ids) if info is not None]

    def _make(self, spec: NetworkSpec, subnet: IPv4Network | None) -> NetworkInfo:
        pools = [IPAMPool(subnet=str(subnet))] if subnet else []
        with self._engine.call(Call.NETWORK) as api:
            made = api.create_network(
                spec.name,
                driver="bridge",
                ipam=IPAMConfig(pool_configs=pools),
                check_duplicate=True,
                internal=spec.isolated,
                options=_HIDE_HOST if spec.isolated else None,
                labels={**spec.labels, LABEL_ID: self._emulator_id},
            )
        info = self._inspect(made["Id"])
        if info is None:
            raise RuntimeFailure(f"network {spec.name} was removed while it was created")
        return info

    def _inspect(self, reference: str) -> NetworkInfo | None:
        with self._engine.call(Call.NETWORK) as api:
            try:
                return network_info(api.inspect_network(reference))
            except docker.errors.NotFound:
                return None


def network_info(document: Mapping[str, Any]) -> NetworkInfo | None:
    """Our facts from the engine's inspect document; None for a network without an IPv4 subnet, which is not ours."""
    pools = [pool for pool in (document.get("IPAM") or {}).get("Config") or () if "." in pool.get("Subnet", "")]
    if not pools:
        return None
    subnet = IPv4Network(pools[0]["Subnet"])
    gateway = pools[0].get("Gateway") or str(next(subnet.hosts()))
    return NetworkInfo(
        id=document["Id"],
        name=document["Name"],
        labels=document.get("Labels") or {},
        subnet=subnet,
        gateway=IPv4Address(gateway.partition("/")[0]),
    )
