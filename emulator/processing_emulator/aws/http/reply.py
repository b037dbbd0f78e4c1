"""What goes back to a client, how ASGI carries it, and the forms in which each protocol carries an error."""

from typing import NamedTuple

from starlette.types import Send

from processing_emulator.aws.http.request_id import new_request_id
from processing_emulator.aws.protocols.json_responses import encode_json
from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.protocols.xml_text import xml_text

JSON_1_1 = "application/x-amz-json-1.1"
QUERY_MEDIA_TYPE = "text/xml"


class Reply(NamedTuple):
    """A whole reply; `headers` are those beside content type, length and request id."""

    status: int = 200
    body: bytes = b""
    media_type: str = JSON_1_1
    headers: tuple[tuple[bytes, bytes], ...] = ()


async def send_reply(send: Send, request_id: str, reply: Reply) -> None:
    """The reply, whole, through an ASGI server's `send`."""
    headers = [
        (b"content-type", reply.media_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        (b"x-amzn-requestid", request_id.encode()),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def json_error(error: WireError) -> Reply:
    """An error of the AWS JSON protocols."""
    return Reply(status=error.status, body=encode_json(error.document))


def query_error(error: WireError, request_id: str) -> Reply:
    """An error of the query protocol (STS, IAM ...): XML."""
    body = (
        f"<ErrorResponse><Error><Type>{'Sender' if error.status < 500 else 'Receiver'}</Type>"
        f"<Code>{xml_text(error.code)}</Code><Message>{xml_text(error.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Reply(status=error.status, body=body.encode(), media_type=QUERY_MEDIA_TYPE)


def s3_error(error: WireError, request_id: str) -> Reply:
    """An error of S3: XML without a namespace."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{xml_text(error.code)}</Code><Message>{xml_text(error.message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    )
    return Reply(status=error.status, body=body.encode(), media_type="application/xml")


async def send_s3_error(send: Send, error: WireError) -> None:
    """Refuse a request of S3 under a new id."""
    request_id = new_request_id()
    await send_reply(send, request_id, s3_error(error, request_id))


def rest_error(error: WireError) -> Reply:
    """An error of the REST JSON protocol: its code is in a header."""
    body = encode_json({"message": error.message})
    return Reply(
        status=error.status,
        body=body,
        media_type="application/json",
        headers=((b"x-amzn-errortype", error.code.encode()),),
    )


def rpc_cbor_error(error: WireError) -> Reply:
    """An error of Smithy's RPC protocol: a CBOR map of two texts."""
    body = b"\xa2" + b"".join(_cbor_text(text) for text in ("__type", error.code, "message", error.message))
    return Reply(
        status=error.status,
        body=body,
        media_type="application/cbor",
        headers=((b"smithy-protocol", b"rpc-v2-cbor"),),
    )


def _cbor_text(text: str) -> bytes:
    data = text.encode(errors="replace")
    return b"\x79" + len(data).to_bytes(2, "big") + data
