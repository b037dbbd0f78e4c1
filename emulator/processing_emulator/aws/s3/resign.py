"""Signs each request for the embedded store, which has one identity; clients may use any keys, or none.

An upload in chunks (`aws-chunked`) keeps its framing, which the store removes. It is labelled as unsigned chunks, so
that the store ignores chunk signatures made with the client's keys.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.canonical import canonical_path, canonical_query
from processing_emulator.aws.s3.proxy import header_text

_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_UNSIGNED_CHUNKS: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

_SIGNATURE: Final = frozenset(
    {b"authorization", b"host", b"x-amz-content-sha256", b"x-amz-date", b"x-amz-security-token"}
)
_KMS: Final = frozenset(
    {
        b"x-amz-server-side-encryption",
        b"x-amz-server-side-encryption-aws-kms-key-id",
        b"x-amz-server-side-encryption-bucket-key-enabled",
        b"x-amz-server-side-encryption-context",
    }
)
"""Asked to encrypt with a KMS key, SeaweedFS fails; nothing here is secret. Keys of the client (SSE-C) work."""
_FORWARDED: Final = b"x-forwarded-"
"""SeaweedFS takes the host that was signed from these."""


class SignRequest(Protocol):
    """The headers that sign a request, Host included; `path` and `query` are encoded."""

    def __call__(
        self, method: str, host: str, path: str, query: str, *, payload: str, signed: Mapping[str, str]
    ) -> Mapping[str, str]:
        """`payload` is the value of x-amz-content-sha256; `signed` are more headers for the signature to cover."""
        ...


class ReplaceSignature:
    """Puts the identity's signature in place of the client's. Refuses what no signature can cover."""

    def __init__(self, store: ASGIApp, sign: SignRequest) -> None:
        self._store = store
        self._sign = sign

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            path, query = canonical_path(scope["raw_path"]), canonical_query(scope["query_string"])
        except ValueError as error:
            raise WireError(code="InvalidArgument", message=str(error)) from error
        received = [(name.lower(), value) for name, value in scope["headers"]]
        is_chunked = dict(received).get(b"x-amz-content-sha256", b"").startswith(b"STREAMING-")
        kept = [header for header in received if _is_kept(header[0])]
        if is_chunked:
            kept = list(_without_aws_chunked(kept))
        signature = self._sign(
            scope["method"],
            dict(received).get(b"host", b"").decode("latin-1").removesuffix(":80"),  # SeaweedFS signs without it
            path,
            query,
            payload=_UNSIGNED_CHUNKS if is_chunked else _UNSIGNED,
            signed=_amz_headers(kept),
        )
        headers = [*kept, *((name.encode(), value.encode()) for name, value in signature.items())]
        await self._store(
            {**scope, "raw_path": path.encode(), "query_string": query.encode(), "headers": headers}, receive, send
        )


def _is_kept(name: bytes) -> bool:
    return name not in _SIGNATURE and name not in _KMS and not name.startswith(_FORWARDED)


def _without_aws_chunked(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    """The encoding of the transfer would be stored as the object's."""
    for name, value in headers:
        if name != b"content-encoding":
            yield name, value
        elif others := [part for part in value.split(b",") if part.strip().lower() != b"aws-chunked"]:
            yield name, b",".join(others).strip()


def _amz_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that SeaweedFS wants to be signed, with the values of repeated ones joined."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name.startswith(b"x-amz-"):
            before = found.get(name.decode("latin-1"))
            text = header_text(value)
            found[name.decode("latin-1")] = text if before is None else f"{before},{text}"
    return found
