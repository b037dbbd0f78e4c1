"""Sends whole replies through ASGI, and encodes the errors of protocols that have no codec here."""

from starlette.types import Send

from processing_emulator.aws.protocols.codec import Reply
from processing_emulator.aws.protocols.json_responses import encode_json
from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.protocols.xml_text import xml_text


async def send_reply(send: Send, reply: Reply) -> None:
    """Send the reply as one message."""
    headers = [
        (b"content-type", reply.media_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def s3_error(error: WireError, request_id: str) -> Reply:
    """An error of S3: XML without a namespace."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{xml_text(error.code)}</Code><Message>{xml_text(error.message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    )
    return Reply(status=error.status, body=body.encode(), media_type="application/xml")


def rest_error(error: WireError, _request_id: str) -> Reply:
    """An error of the REST JSON protocol: its code is in a header."""
    return Reply(
        status=error.status,
        body=encode_json({"message": error.message}),
        media_type="application/json",
        headers=((b"x-amzn-errortype", error.code.encode()),),
    )
