"""Checks the chunks of an S3 upload against their signatures, while the body goes by with its framing on."""

from starlette.types import Message, Receive

from processing_emulator.aws.signatures.chunk_signatures import ChunkVerifier
from processing_emulator.aws.signatures.parsing import Refused


class ChunkedPayload:
    """Passes a body on; its last data, and whatever follows that, is held back until the last signature is known.

    When a signature or the framing is wrong, whoever reads the body hears that the client has gone; a store that was
    promised more bytes then keeps nothing. Held are one message and lines of the framing, whose length is bounded.
    """

    def __init__(self, receive: Receive, verifier: ChunkVerifier) -> None:
        self.refused: Refused | None = None
        self._receive = receive
        self._verifier = verifier
        self._held: list[bytes] = []
        self._is_over = False

    async def receive(self) -> Message:
        """The next message of the body."""
        while not self._is_over:
            message = await self._receive()
            if message["type"] != "http.request":
                self._is_over = True
                return message
            passed = self._passed(message.get("body", b""), is_last=not message.get("more_body", False))
            if passed is not None:
                return passed
        return {"type": "http.disconnect"} if self.refused else await self._receive()

    def _passed(self, body: bytes, *, is_last: bool) -> Message | None:
        """The message that may go on now that `body` has come; None when there is none yet."""
        try:
            has_data = self._verifier.feed(body)
            if is_last:
                self._verifier.finish()
        except Refused as refused:
            self._is_over, self.refused = True, refused
            return {"type": "http.disconnect"}
        before = self._held
        if is_last:
            self._is_over = True
            return {"type": "http.request", "body": b"".join((*before, body)), "more_body": False}
        if has_data:
            self._held = [body]
            return {"type": "http.request", "body": b"".join(before), "more_body": True} if before else None
        before.append(body)
        return None
