"""The network in which the hosts of one job reach each other, and nobody else reaches them."""

import threading
from collections.abc import Mapping, Sequence

from processing_emulator.ports import ContainerRuntime, NetworkAttachment, NetworkSpec


class JobNetwork:
    """One network with an address for each host, in host order. The first host that joins creates it.

    Every host knows the names of all from its hosts file, so names resolve both ways before a peer runs (spec 2.5).
    After a restart of the emulator the network is found again by its name, and the addresses are the same.
    """

    def __init__(
        self, runtime: ContainerRuntime, name: str, *, hosts: Sequence[str], isolated: bool, labels: Mapping[str, str]
    ) -> None:
        self._runtime = runtime
        self._spec = NetworkSpec(name=name, labels=labels, isolated=isolated)
        self._hosts = tuple(hosts)
        self._lock = threading.Lock()

    def attach(self, host: str) -> NetworkAttachment:
        """Where a host stands in it. Raises RuntimeFailure."""
        with self._lock:
            made = self._runtime.find_network(self._spec.name) or self._runtime.create_network(self._spec)
        addresses = dict(zip(self._hosts, made.addresses(len(self._hosts)), strict=True))
        own_first = {host: addresses[host], **addresses}
        return NetworkAttachment(network=self._spec.name, address=addresses[host], extra_hosts=own_first)

    def remove(self) -> None:
        """After all its containers; does nothing when it is gone. Raises RuntimeFailure while one is in it."""
        made = self._runtime.find_network(self._spec.name)
        if made is not None:
            self._runtime.remove_network(made.id)
