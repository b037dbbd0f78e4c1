"""Keeps clients out of the buckets in which SeaweedFS stores its own records, such as `.system`."""

from starlette.types import ASGIApp, Receive, Scope, Send

from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.target import target_of


class RefuseInternalBuckets:
    """Refuses bucket names that begin with a dot, which no bucket of S3 has. SeaweedFS lists the objects in these."""

    def __init__(self, store: ASGIApp) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if target_of(scope).bucket.startswith("."):
            raise WireError(code="InvalidBucketName", message="The specified bucket is not valid.")
        await self._store(scope, receive, send)
