"""Where the emulator runs as seen from containers, and the sockets it listens on."""

import logging
import socket
from contextlib import ExitStack
from dataclasses import dataclass

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.network import SelfContainer, bridge_gateway, find_self
from processing_emulator.adapters.listener import listen
from processing_emulator.config import Settings
from processing_emulator.errors import RuntimeUnavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLocation:
    """`container` is the one the emulator runs in. `address` None: containers cannot reach the emulator.

    `network`: that of containers without peers; None for the network that keeps them apart from each other.
    """

    container: SelfContainer | None
    network: str | None
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Open sockets, all on the same port."""

    sockets: tuple[socket.socket, ...]
    port: int


def find_location(settings: Settings, engine: Engine) -> NetworkLocation:
    """Find out how containers reach the emulator. The server starts without an engine, too, with a warning."""
    try:
        own = find_self(engine)
        address = own.address if own is not None and own.address else bridge_gateway(engine)
    except RuntimeUnavailable as error:
        hint = "jobs wait for it; containers get no AWS_ENDPOINT_URL until the server is restarted"
        logger.warning("docker not available", extra={"error": error, "hint": hint})
        return NetworkLocation(container=None, network=settings.container_network, address=None)
    if address is None and settings.container_endpoints:
        reason = "the Docker bridge is not on this machine (Docker Desktop, or a remote engine)"
        logger.warning("containers cannot reach the emulator", extra={"reason": reason})
    network = settings.container_network or (own.network or "bridge" if own is not None else None)
    return NetworkLocation(container=own, network=network, address=address)


def open_sockets(settings: Settings, location: NetworkLocation, stack: ExitStack) -> Listening:
    """Listen where clients call and, for containers, on the bridge; never on more addresses than these."""
    first = stack.enter_context(listen(settings.host, settings.port))
    port: int = first.getsockname()[1]
    is_everywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104  # compared, not bound
    in_container = location.container is not None
    if not settings.container_endpoints or location.address is None or is_everywhere or in_container:
        return Listening(sockets=(first,), port=port)
    return Listening(sockets=(first, stack.enter_context(listen(location.address, port))), port=port)


def url_of(host: str, port: int) -> str:
    """IPv6 addresses stand in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
