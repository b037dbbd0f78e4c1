"""CreateBucket of an existing bucket: S3 answers 200 in us-east-1 and BucketAlreadyOwnedByYou in all other regions.

SeaweedFS answers 409 everywhere, and BucketAlreadyExists when the request has an ACL. All accounts share its buckets,
so each bucket belongs to the caller. Source: BucketAlreadyOwnedByYou in the API reference of S3.
"""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.request_middleware import context_in
from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.buffered_response import BufferedResponse
from processing_emulator.aws.s3.target import subresources_of, target_of

_LENIENT_REGION: Final = "us-east-1"
_CONSTRAINT: Final = re.compile(rb"<(?:\w+:)?LocationConstraint[^<>]*>\s*([^<\s]+)")
_LONGEST_DOCUMENT: Final = 64 * 1024
"""A CreateBucketConfiguration with as many tags as a bucket may have."""

_EXISTS: Final = (b"<Code>BucketAlreadyOwnedByYou</Code>", b"<Code>BucketAlreadyExists</Code>")
_CONFLICT: Final = 409

_OWNED: Final = "Your previous request to create the named bucket succeeded and you already own it."


class CreateBucket:
    """Replaces the store's response when the bucket exists."""

    def __init__(self, store: ASGIApp) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = target_of(scope)
        if scope["method"] != "PUT" or not target.bucket or target.key or subresources_of(scope):
            await self._store(scope, receive, send)
            return
        document, response = _CopiedBody(receive), BufferedResponse()
        await self._store(scope, document.receive, response.send)
        if response.status == _CONFLICT and any(code in response.body for code in _EXISTS):
            constraint = _CONSTRAINT.search(document.beginning)
            region = constraint[1].decode("latin-1") if constraint else context_in(scope).region
            if region != _LENIENT_REGION:
                raise WireError(code="BucketAlreadyOwnedByYou", message=_OWNED, status=_CONFLICT)
            response.replace(200, b"", (b"location", f"/{target.bucket}".encode()))
        await response.release(send)


class _CopiedBody:
    """Passes a body on and keeps its beginning."""

    def __init__(self, receive: Receive) -> None:
        self.beginning = b""
        self._receive = receive

    async def receive(self) -> Message:
        message = await self._receive()
        if len(self.beginning) < _LONGEST_DOCUMENT:
            self.beginning += message.get("body", b"")
        return message
