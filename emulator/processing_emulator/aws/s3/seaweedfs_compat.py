"""The middleware stack that makes SeaweedFS, as the embedded store runs it, answer as S3 does."""

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.s3.bucket_region import BucketHome
from processing_emulator.aws.s3.chunked_uploads import PlainUploads
from processing_emulator.aws.s3.create_bucket import BucketMaking
from processing_emulator.aws.s3.list_buckets import BucketList, BucketLister
from processing_emulator.aws.s3.unsupported import RefuseUnsupported


def as_s3(passthrough: ASGIApp, *, list_buckets: BucketLister, dropped_headers: Collection[bytes]) -> ASGIApp:
    """S3, made of a store that takes any keys and checks no signature.

    `dropped_headers` (lower case) are those it cannot cope with; they go last, since other layers may read them.
    """
    store = RefuseUnsupported(_WithoutHeaders(passthrough, frozenset(dropped_headers)))
    return BucketList(BucketMaking(BucketHome(PlainUploads(store))), list_buckets)


class _WithoutHeaders:
    """Hands requests on without some of their headers."""

    def __init__(self, store: ASGIApp, dropped: frozenset[bytes]) -> None:
        self._store = store
        self._dropped = dropped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in self._dropped]
        await self._store({**scope, "headers": kept}, receive, send)
