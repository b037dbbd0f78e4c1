"""Uploads without the `aws-chunked` framing, for which the store looks up keys that it does not know."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing_emulator.aws.http.reply import send_s3_error
from processing_emulator.aws.protocols.wire_errors import WireError
from processing_emulator.aws.s3.aws_chunked import ChunkDecoder, decoded_length, is_chunked, plain_headers
from processing_emulator.aws.s3.chunk_framing import MalformedChunks
from processing_emulator.aws.s3.held_response import WatchedAnswer


class PlainUploads:
    """Takes the framing off while the object goes by; of one whose framing is wrong nothing is stored."""

    def __init__(self, store: ASGIApp) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_chunked(scope["headers"]):
            await self._store(scope, receive, send)
            return
        try:
            length = decoded_length(scope["headers"])
        except MalformedChunks as error:
            await _refuse(send, str(error))
            return
        body, answer = _PlainBody(receive, length), WatchedAnswer(send)
        is_there = length > 0 or await body.is_read_to_end()  # of nothing the store would ask for nothing
        if is_there:
            plain = {**scope, "headers": plain_headers(scope["headers"])}
            await self._store(plain, body.receive, answer.send)
        if body.fault and not answer.has_begun:
            await _refuse(send, body.fault)


class _PlainBody:
    """`fault` is a sentence once the framing has turned out to be wrong; the reader hears that the client is gone."""

    def __init__(self, receive: Receive, length: int) -> None:
        self.fault = ""
        self._receive = receive
        self._decoder = ChunkDecoder(length)

    async def receive(self) -> Message:
        """The next message of the body that has something in it."""
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            more = message.get("more_body", False)
            try:
                plain = self._decoder.feed(message.get("body", b""))
                if not more:
                    self._decoder.finish()
            except MalformedChunks as error:
                self.fault = str(error)
                return {"type": "http.disconnect"}
            if plain or not more:
                return {"type": "http.request", "body": plain, "more_body": more}

    async def is_read_to_end(self) -> bool:
        """Read the framing of an object that is empty; whether all of it came."""
        message = await self.receive()
        while message.get("more_body", False):
            message = await self.receive()
        return bool(message["type"] == "http.request")


async def _refuse(send: Send, fault: str) -> None:
    await send_s3_error(send, WireError(code="IncompleteBody", message=fault))
