"""The network in which the hosts of one job reach each other, and nobody else reaches them."""

import threading
from collections.abc import Sequence

from processing_emulator.errors import RuntimeFailure
from processing_emulator.ports import ContainerRuntime, NetworkAttachment, NetworkSpec


class JobNetwork:
    """One network with an address for each host, in host order. The first host that joins creates it.

    Every host knows the names of all from its hosts file, so names resolve both ways before a peer runs (spec 2.5).
    After a restart of the emulator the network is found again by its name, and the addresses are the same. `second`:
    another network that the hosts are in, where they find what is not of the job.
    """

    def __init__(
        self, runtime: ContainerRuntime, spec: NetworkSpec, *, hosts: Sequence[str], second: str | None = None
    ) -> None:
        self._runtime = runtime
        self._spec = spec
        self._hosts = tuple(hosts)
        self._second = second
        self._lock = threading.Lock()

    def attach(self, host: str) -> NetworkAttachment:
        """Where a host stands in it. Raises RuntimeFailure."""
        with self._lock:
            made = self._runtime.find_network(self._spec.name) or self._runtime.create_network(self._spec)
        there = made.addresses(len(self._hosts))
        if len(there) < len(self._hosts):
            raise RuntimeFailure(f"{made.subnet} has {len(there)} addresses for {len(self._hosts)} hosts")
        addresses = dict(zip(self._hosts, there, strict=True))
        own_first = {host: addresses[host], **addresses}
        return NetworkAttachment(
            network=self._spec.name,
            address=addresses[host],
            extra_hosts=own_first,
            second=self._second,
            isolated=self._spec.isolated,
        )

    def remove(self) -> None:
        """After all its containers; does nothing when it is gone. Raises RuntimeFailure while one is in it."""
        made = self._runtime.find_network(self._spec.name)
        if made is not None:
            self._runtime.remove_network(made.id)
