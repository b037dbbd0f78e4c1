"""The region of a bucket. The store keeps none, and all regions share its buckets: each is at home where one asks.

Clients read it from HeadBucket's header (boto3 calls it `BucketRegion`) and from GetBucketLocation, which names none
for us-east-1.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.protocols.xml_text import xml_text
from processing_emulator.aws.s3.buffered_response import BufferedResponse
from processing_emulator.aws.s3.target import region_of, subresources_of, target_of

_UNNAMED_REGION: Final = "us-east-1"
_WELL: Final = 200
_XML: Final = (b"content-type", b"application/xml")


class BucketRegion:
    """Adds the region to what the store says of a bucket."""

    def __init__(self, store: ASGIApp) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await self._store(scope, receive, send)
            return
        target = target_of(scope)
        if not target.bucket or target.key:
            await self._store(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._store(scope, receive, _with_region(send, region_of(scope)))
        elif "location" in subresources_of(scope):
            answer = BufferedResponse()
            await self._store(scope, receive, answer.send)
            if answer.status == _WELL:
                answer.replace(_WELL, _location_document(region_of(scope)), _XML)
            await answer.release(send)
        else:
            await self._store(scope, receive, send)


def _with_region(send: Send, region: str) -> Send:
    async def with_region(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == _WELL:
            headers = [*message["headers"], (b"x-amz-bucket-region", region.encode())]
            message = {**message, "headers": headers}
        await send(message)

    return with_region


def _location_document(region: str) -> bytes:
    named = "" if region == _UNNAMED_REGION else xml_text(region)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{named}</LocationConstraint>'
    ).encode()
