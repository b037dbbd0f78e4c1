"""Keeps web pages out: a page of another site, or a foreign name bound to this address, gets nothing done here."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache


class RequestGuard:
    """Refuses by Host and Origin. Loopback addresses, `localhost` and its subdomains are always allowed as Host."""

    def __init__(self, allowed_hosts: Iterable[str] = ()) -> None:
        """`allowed_hosts`: more names or addresses, without port; a leading dot allows all subdomains."""
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._is_allowed = lru_cache(maxsize=256)(self._check_host)

    def refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        """A sentence when the request must be refused. Takes all values of the two headers."""
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
