"""CreateBucket of a bucket that is there: in us-east-1 S3 says 200, in all other regions BucketAlreadyOwnedByYou.

The store says 409 everywhere, and takes a bucket for somebody else's when an ACL is asked for. It keeps no owners: all
accounts share its buckets, so each of them is one's own. Source: BucketAlreadyOwnedByYou in the API reference of S3.
"""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.reply import s3_error
from processing_emulator.aws.http.request_id import new_request_id
from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.buffered_response import BufferedResponse
from processing_emulator.aws.s3.target import region_of, subresources_of, target_of

_LENIENT_REGION: Final = "us-east-1"
_CONSTRAINT: Final = re.compile(rb"<(?:\w+:)?LocationConstraint[^<>]*>\s*([^<\s]+)")
_LONGEST_DOCUMENT: Final = 64 * 1024
"""Of a CreateBucketConfiguration, with all the tags a bucket may have."""

_IS_THERE: Final = (b"<Code>BucketAlreadyOwnedByYou</Code>", b"<Code>BucketAlreadyExists</Code>")
_CONFLICT: Final = 409

_OWNED: Final = WireError(
    code="BucketAlreadyOwnedByYou",
    message="Your previous request to create the named bucket succeeded and you already own it.",
    status=_CONFLICT,
)


class CreateBucket:
    """Changes the store's answer when the bucket is there."""

    def __init__(self, store: ASGIApp) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = target_of(scope)
        if scope["method"] != "PUT" or not target.bucket or target.key or subresources_of(scope):
            await self._store(scope, receive, send)
            return
        document, answer = _Overheard(receive), BufferedResponse()
        await self._store(scope, document.receive, answer.send)
        if answer.status == _CONFLICT and any(code in answer.body for code in _IS_THERE):
            constraint = _CONSTRAINT.search(document.heard)
            region = constraint[1].decode("latin-1") if constraint else region_of(scope)
            if region == _LENIENT_REGION:
                answer.replace(200, b"", (b"location", f"/{target.bucket}".encode()))
            else:
                refusal = s3_error(_OWNED, new_request_id())
                answer.replace(refusal.status, refusal.body, (b"content-type", refusal.media_type.encode()))
        await answer.release(send)


class _Overheard:
    """Passes a body on, and remembers how it began."""

    def __init__(self, receive: Receive) -> None:
        self.heard = b""
        self._receive = receive

    async def receive(self) -> Message:
        message = await self._receive()
        if len(self.heard) < _LONGEST_DOCUMENT:
            self.heard += message.get("body", b"")
        return message
