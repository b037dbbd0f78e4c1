"""Decides which protocol a request uses, as AWS's own front ends do: by target header, form, path and signature."""

from collections.abc import Mapping
from enum import StrEnum

from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.aws.http.host_and_origin_guard import host_name

ADMIN_PREFIXES = (ADMIN_PREFIX, "/_localstack")
"""The second is what clients of LocalStack ask for its health."""

MOTO_RESET = "/moto-api/reset"
"""What users of moto call; `moto-api` could be a bucket, but S3 has no unsigned POST without a query to a key."""

_FORM = "application/x-www-form-urlencoded"
_QUERY_SIGNING_NAMES = frozenset({"sts", "iam", "monitoring"})
"""Services that are asked by GET, too."""

_S3_SIGNING_NAMES = frozenset({"", "s3", "s3express"})


class Protocol(StrEnum):
    """Who answers a request, and in which form."""

    ADMIN = "admin"
    """The emulator's own endpoints."""
    BROWSER = "browser"
    """A person who opens `/`; S3's ListBuckets is the same request but for its Accept header."""
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


def protocol_of(method: str, path: str, headers: Mapping[bytes, str], signing_name: str, query: bytes) -> Protocol:
    """The protocol of a request. `headers` have lower-case names; `signing_name` is empty without a signature."""
    if _is_admin(method, path, headers, query):
        return Protocol.ADMIN
    if b"x-amz-target" in headers:
        return Protocol.JSON
    if headers.get(b"smithy-protocol") == "rpc-v2-cbor":
        return Protocol.RPC_CBOR
    if path == "/" and method == "POST" and media_type(headers.get(b"content-type", "")) == _FORM:
        return Protocol.QUERY
    if path == "/" and method == "GET" and signing_name in _QUERY_SIGNING_NAMES:
        return Protocol.QUERY
    if signing_name not in _S3_SIGNING_NAMES:
        return Protocol.REST
    return Protocol.BROWSER if _is_browser(method, path, headers, query) else Protocol.S3


def _is_admin(method: str, path: str, headers: Mapping[bytes, str], query: bytes) -> bool:
    if any(path == prefix or path.startswith(f"{prefix}/") for prefix in ADMIN_PREFIXES):
        return True
    return (method, path, query) == ("POST", MOTO_RESET, b"") and b"authorization" not in headers


def _is_browser(method: str, path: str, headers: Mapping[bytes, str], query: bytes) -> bool:
    """S3 clients sign their requests or ask for anything; a host below `localhost` is a bucket's."""
    return (
        method in ("GET", "HEAD")
        and path == "/"
        and "text/html" in headers.get(b"accept", "")
        and b"authorization" not in headers
        and b"X-Amz-" not in query
        and not host_name(headers.get(b"host", "")).endswith(".localhost")
    )


def media_type(content_type: str) -> str:
    """A Content-Type without its parameters."""
    return content_type.partition(";")[0].strip().lower()
