"""Keeps containers of jobs out of `/_emulator/`, where anybody may read all jobs and reset everything."""

import ipaddress
from collections.abc import Callable

import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.http.request_middleware import protocol_in
from processing_emulator.aws.http.routing import Protocol
from processing_emulator.aws.protocols.wire_errors import AdminRefused
from processing_emulator.errors import RuntimeFailure

FORBIDDEN = (
    "Containers of jobs reach AWS services here, not the emulator's own endpoints. "
    "To allow it, set PROCESSING_EMULATOR_CONTAINER_ADMIN=true"
)


class AdminGuardMiddleware:
    """Looks at the address that a request to the emulator's own endpoints comes from. Raises AdminRefused.

    `job_addresses` returns the addresses of all running containers of jobs; it may block and raise RuntimeFailure.
    """

    def __init__(self, app: ASGIApp, *, job_addresses: Callable[[], set[str]]) -> None:
        self._app = app
        self._job_addresses = job_addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and protocol_in(scope) is Protocol.ADMIN:
            await self._check(scope)
        await self._app(scope, receive, send)

    async def _check(self, scope: Scope) -> None:
        peer = _peer(scope)
        if peer is None or peer.is_loopback:
            return
        try:
            addresses = await anyio.to_thread.run_sync(self._job_addresses)
        except RuntimeFailure as error:
            if scope["method"] in ("GET", "HEAD") and scope["path"].endswith("/health"):
                return
            reason = "The Docker engine does not answer, so the emulator cannot tell whether a container asks"
            raise AdminRefused(f"{reason}: {error}") from error
        if str(peer) in addresses:
            raise AdminRefused(FORBIDDEN)


def _peer(scope: Scope) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The client's address, None for a socket that has none. One IPv4 address has two forms on an IPv6 socket."""
    if not scope.get("client"):
        return None
    address = ipaddress.ip_address(scope["client"][0].partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
