"""Tells the requests of one port apart, as AWS's own front ends do: by target header, form, path and signature."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

CONTROL_PREFIXES = ("/_emulator", "/_localstack")
"""No bucket's name begins with an underscore."""

MOTO_RESET = "/moto-api/reset"
"""What users of moto call; `moto-api` could be a bucket, but S3 has no unsigned POST without a query to a key."""

QUERY_VERSIONS: Mapping[str, str] = MappingProxyType({"2011-06-15": "sts", "2010-05-08": "iam"})
"""The services of the query protocol that are served, by the version of their API."""

_FORM = "application/x-www-form-urlencoded"
_QUERY_SIGNING_NAMES = frozenset(QUERY_VERSIONS.values())
_S3_SIGNING_NAMES = frozenset({"", "s3", "s3express"})


class Protocol(StrEnum):
    """Who answers a request, and in which form."""

    CONTROL = "control"
    """The emulator's own endpoints."""
    JSON = "json"
    """AWS JSON 1.0 or 1.1: the operation is in X-Amz-Target."""
    QUERY = "query"
    """A form with Action and Version: STS, IAM, SNS ..."""
    RPC_CBOR = "rpc-v2-cbor"
    """Smithy's RPC over CBOR: the operation is in the path."""
    REST = "rest"
    """A REST service other than S3, known by its signature."""
    S3 = "s3"
    """Everything else."""


@dataclass(frozen=True, slots=True)
class Route:
    """`subject` is what is asked for, as far as headers and path tell: a target, an operation, a service."""

    protocol: Protocol
    subject: str = ""


def route_of(method: str, path: str, headers: Mapping[bytes, str], service: str, query: bytes = b"") -> Route:
    """Where a request belongs. `headers` have lower-case names; `service` is the signing name or empty."""
    if _is_control(method, path, headers, query):
        return Route(Protocol.CONTROL)
    target = headers.get(b"x-amz-target")
    if target is not None:
        return Route(Protocol.JSON, target)
    if headers.get(b"smithy-protocol") == "rpc-v2-cbor":
        return Route(Protocol.RPC_CBOR, path.rpartition("/")[2])
    if method == "POST" and path == "/" and media_type(headers.get(b"content-type", "")) == _FORM:
        return Route(Protocol.QUERY)
    if method == "GET" and path == "/" and service in _QUERY_SIGNING_NAMES:
        return Route(Protocol.QUERY)
    if service not in _S3_SIGNING_NAMES:
        return Route(Protocol.REST, service)
    return Route(Protocol.S3)


def _is_control(method: str, path: str, headers: Mapping[bytes, str], query: bytes) -> bool:
    if any(path == prefix or path.startswith(f"{prefix}/") for prefix in CONTROL_PREFIXES):
        return True
    return (method, path, query) == ("POST", MOTO_RESET, b"") and b"authorization" not in headers


@lru_cache(maxsize=64)
def media_type(content_type: str) -> str:
    """A Content-Type without its parameters."""
    return content_type.partition(";")[0].strip().lower()
