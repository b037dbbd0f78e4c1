"""Keeps web pages out: a page of another site, or a foreign name bound to this address, gets nothing done here."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.protocols.wire_errors import HostRefused, MalformedHead


class HostGuardMiddleware:
    """Checks Host and Origin of every request. Raises MalformedHead, HostRefused."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Iterable[str] = ()) -> None:
        """`allowed_hosts`: as for HostGuard."""
        self._app = app
        self._guard = HostGuard(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
            if not hosts and scope["http_version"] == "1.1":
                raise MalformedHead("A request of HTTP/1.1 must have a Host header.")
            refusal = self._guard.refusal(hosts, origins)
            if refusal is not None:
                raise HostRefused(refusal)
        await self._app(scope, receive, send)


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for other, value in scope["headers"] if other.lower() == name]


class HostGuard:
    """Judges Host and Origin. Loopback addresses, `localhost` and its subdomains are always allowed as Host."""

    def __init__(self, allowed_hosts: Iterable[str] = ()) -> None:
        """`allowed_hosts`: more names or addresses, without port; a leading dot allows all subdomains."""
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._is_allowed = lru_cache(maxsize=256)(self._check_host)

    def refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        """Why the request must be refused, or None. Takes all values of the two headers."""
        for host in hosts:
            if not self._is_allowed(host):
                return (
                    f"The Host header {host[:255]!r} is not one of this server's names. "
                    "Add it to the allowed hosts if it should be."
                )
        for origin in origins:
            if not any(origin in (f"http://{host}", f"https://{host}") for host in hosts):
                return f"Requests from web pages of another site ({origin[:255]!r}) are refused."
        return None

    def _check_host(self, value: str) -> bool:
        host = host_name(value)
        if host == "localhost" or host.endswith(".localhost") or _is_loopback(host):
            return True
        return host in self._allowed or any(host.endswith(suffix) for suffix in self._allowed if suffix[:1] == ".")


def host_name(value: str) -> str:
    """The host of a Host header, lower-cased, without port and without an IPv6 address's brackets."""
    if value.startswith("["):
        return value[1:].partition("]")[0].lower()
    return value.partition(":")[0].lower()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
