"""Parameters that S3 does not know, which it ignores; for a bucket with such a one the store says NotImplemented."""

from typing import Final
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.s3.target import subjects_of, target_of

LISTING: Final = frozenset(
    {
        *("continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type", "marker"),
        *("max-keys", "max-uploads", "prefix", "start-after", "upload-id-marker", "version-id-marker"),
    }
)
"""How the objects, versions or uploads of a bucket are listed."""

SUBJECTS: Final = frozenset(
    {
        *("abac", "accelerate", "acl", "analytics", "cors", "encryption", "id", "intelligent-tiering", "inventory"),
        *("lifecycle", "location", "logging", "metadataConfiguration", "metadataTable", "metrics", "notification"),
        *("object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication"),
        *("requestPayment", "session", "tagging", "uploads", "versioning", "versions", "website"),
    }
)
"""What else one may ask of a bucket. What the store does not have of these, it says."""


class KnownParameters:
    """Leaves the others out where something is read of a bucket."""

    def __init__(self, store: ASGIApp) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" and scope["query_string"]:
            target = target_of(scope)
            strange = subjects_of(scope) - LISTING - SUBJECTS
            if strange and target.bucket and not target.key:
                scope = {**scope, "query_string": _without(scope["query_string"], strange)}
        await self._store(scope, receive, send)


def _without(query: bytes, names: frozenset[str]) -> bytes:
    return b"&".join(part for part in query.split(b"&") if _name_of(part) not in names)


def _name_of(part: bytes) -> str:
    return unquote_plus(part.partition(b"=")[0].decode("latin-1"))
