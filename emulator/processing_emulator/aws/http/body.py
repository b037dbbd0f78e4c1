"""Reads the body of a request into memory, within bounds."""

from starlette.types import Receive

from processing_emulator.aws.protocols.wire_errors import BodyTooLarge

_DRAINED_TIMES_LIMIT = 16
"""A client that sends too much is read to the end, up to this multiple, so that it gets to see the refusal."""


class ClientGone(Exception):
    """The client hung up before its request was complete; nobody is there to answer."""


async def read_body(receive: Receive, limit_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLarge, ClientGone."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size <= limit_bytes:
            chunks.append(chunk)
        else:
            chunks.clear()
            more = more and size <= limit_bytes * _DRAINED_TIMES_LIMIT
    if size > limit_bytes:
        raise BodyTooLarge(f"The request body is longer than {limit_bytes} bytes")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
