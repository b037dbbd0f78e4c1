"""Puts the layers around the pass-through. Each is an ASGI application that knows one difference, and the next one."""

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.aws.embedded_s3.bucket_home import BucketHome
from emulator.aws.embedded_s3.bucket_list import BucketList, BucketLister
from emulator.aws.embedded_s3.bucket_making import BucketMaking
from emulator.aws.embedded_s3.known_parameters import KnownParameters
from emulator.aws.embedded_s3.plain_uploads import PlainUploads
from emulator.aws.embedded_s3.post_uploads import PostUploads
from emulator.ports import Clock


def as_s3(
    passthrough: ASGIApp, *, list_buckets: BucketLister, dropped_headers: Collection[bytes], clock: Clock
) -> ASGIApp:
    """S3, made of a store that takes any keys and checks no signature.

    `dropped_headers` (lower case) are those it cannot cope with; they go last, since other layers may read them.
    """
    store = _WithoutHeaders(passthrough, frozenset(dropped_headers))
    uploads = PostUploads(PlainUploads(store), clock)
    return BucketList(BucketMaking(BucketHome(KnownParameters(uploads))), list_buckets)


class _WithoutHeaders:
    """Hands requests on without some of their headers."""

    def __init__(self, store: ASGIApp, dropped: frozenset[bytes]) -> None:
        self._store = store
        self._dropped = dropped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in self._dropped]
        await self._store({**scope, "headers": kept}, receive, send)
