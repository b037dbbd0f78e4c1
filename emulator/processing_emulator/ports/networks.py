"""Networks of containers, and how a container joins one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from itertools import islice


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAttachment:
    """The network a container joins. `address` None: the engine chooses one. `second`: another one that it is in, too.
    `isolated`: not even look-ups of names leave it.

    `extra_hosts` are names and addresses for the container's hosts file. They resolve both ways, and before the
    container of that name runs.
    """

    network: str
    address: str | None = None
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    second: str | None = None
    isolated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A network to create. `isolated`: its containers reach each other and nothing else."""

    name: str
    labels: Mapping[str, str]
    isolated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInfo:
    """A network as the engine reports it."""

    id: str
    name: str
    labels: Mapping[str, str]
    subnet: IPv4Network
    gateway: IPv4Address

    def addresses(self, count: int) -> tuple[str, ...]:
        """The first `count` addresses that containers may be given."""
        free = (address for address in self.subnet.hosts() if address != self.gateway)
        return tuple(map(str, islice(free, count)))
