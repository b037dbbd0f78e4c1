"""The region of a bucket. SeaweedFS has none, and all regions share its buckets: each is in the region of the request.

Clients read the region from a header of HeadBucket (boto3 calls it `BucketRegion`) and from GetBucketLocation, which
does not name us-east-1.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.request_middleware import context_in
from processing_emulator.aws.protocols.xml_text import xml_text
from processing_emulator.aws.s3.buffered_response import BufferedResponse
from processing_emulator.aws.s3.target import subresources_of, target_of
from processing_emulator.domain.bucket_place import UNNAMED_REGION

_OK: Final = 200
_XML: Final = (b"content-type", b"application/xml")


class BucketRegion:
    """Adds the region to the store's responses about a bucket."""

    def __init__(self, store: ASGIApp) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = target_of(scope)
        if not target.bucket or target.key:
            await self._store(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._store(scope, receive, _with_region(send, context_in(scope).region))
        elif scope["method"] == "GET" and "location" in subresources_of(scope):
            response = BufferedResponse()
            await self._store(scope, receive, response.send)
            if response.status == _OK:
                response.replace(_OK, _location_document(context_in(scope).region), _XML)
            await response.release(send)
        else:
            await self._store(scope, receive, send)


def _with_region(send: Send, region: str) -> Send:
    async def with_region(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == _OK:
            headers = [*message["headers"], (b"x-amz-bucket-region", region.encode())]
            message = {**message, "headers": headers}
        await send(message)

    return with_region


def _location_document(region: str) -> bytes:
    named = "" if region == UNNAMED_REGION else xml_text(region)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{named}</LocationConstraint>'
    ).encode()
